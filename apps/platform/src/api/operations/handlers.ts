import type { Api, Parsed, Result, Role, Scope } from '@persql/contract'
import type { Account } from '../../accounts/auth.ts'
import type { Context } from '../../context.ts'
import type { DatabaseOperation } from '../../database/operations.ts'
import type { Namespace } from '../../namespace/object.ts'
import type { Caller, MemberAccess } from '../../namespace/tokens/admission.ts'
import type { Minter } from '../../namespace/tokens/credentials.ts'
import type { Remote } from '../../remote.ts'
import type { Selection } from '../../selection.ts'

/** Operations that are declared with one of these scopes. */
type Scoped<S extends Scope> = { [K in keyof Api]: Api[K]['scope'] extends S ? K : never }[keyof Api]
/** Operations that also have a route in the console. */
type WithConsole = { [K in keyof Api]: Api[K] extends { console: object } ? K : never }[keyof Api]

/** Operations that a namespace serves, for tokens alone, or for tokens and signed-in members. */
export type TokenOperation = Exclude<Scoped<Role>, DatabaseOperation | WithConsole>
export type SharedOperation = Exclude<Scoped<Role> & WithConsole, DatabaseOperation>
export type MemberOperation = Scoped<'member'>
export type AccountOperation = Scoped<'account'>
export type AnyoneOperation = Scoped<'anyone'>
export type OperatorOperation = Scoped<'operator'>

/** The context of a namespace operation. The caller is authenticated and authorized, and the request billed. */
export interface NamespaceContext extends Context {
  readonly slug: string
  /** The caller, for the audit log: `token:<id>` or `user:<id>`. */
  readonly actor: string
  readonly namespace: Remote<Namespace>
  /** The databases that the caller's token gives access to, or `null` for all. */
  readonly opens: Selection | null
  /** The tables that the caller's token gives access to, or `null` for all. */
  readonly tableScope: readonly string[] | null
  /** The credential that the caller acts with. Everything that the caller creates ends with it. */
  readonly minter: Minter
}
/** The context of an operation that is called with a token. */
export interface TokenContext extends NamespaceContext {
  readonly caller: Caller
}
/** The context of an operation that a signed-in member calls. */
export interface MemberContext extends NamespaceContext {
  readonly member: MemberAccess
}
/** The context of an operation that a signed-in person calls. */
export interface AccountContext extends Context {
  readonly account: Account
}

type Handler<K extends keyof Api, C> = (input: Parsed<Api[K]>, ctx: C) => Promise<Result<Api[K]>>
/** Handlers of operations, by their names in the contract. */
export type Handlers<K extends keyof Api, C> = { readonly [P in K]: Handler<P, C> }

/** Handlers of namespace operations. Those with a route in the console work without a token. */
export type NamespaceHandlers = Handlers<SharedOperation, NamespaceContext> & Handlers<TokenOperation, TokenContext>
export type MemberHandlers = Handlers<MemberOperation, MemberContext>
export type AccountHandlers = Handlers<AccountOperation, AccountContext>
export type AnyoneHandlers = Handlers<AnyoneOperation, Context>
export type OperatorHandlers = Handlers<OperatorOperation, Context>
