import * as z from 'zod'
import type { ErrorCode } from './errors.ts'
import { type Listed, PageMeta } from './paging.ts'

/**
 * The callers of an operation: a token with at least a role (`readonly` < `readwrite` < `admin`), the operator of the
 * instance, any signed-in user, a signed-in member of the namespace in the path, or anyone.
 */
export type Scope = 'readonly' | 'readwrite' | 'admin' | 'operator' | 'account' | 'member' | 'anyone'
/** The role of a member in a namespace: `viewer` < `editor` < `admin` < `owner`. */
export const MemberRole = z.enum(['viewer', 'editor', 'admin', 'owner'])
export type MemberRole = z.infer<typeof MemberRole>
export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
export type Route = `${Method} /${string}`

/** An operation of the platform. REST, OpenAPI, MCP and the SDK are derived from it. */
export interface Operation {
  readonly summary: string
  readonly route: Route
  readonly scope: Scope
  /** The minimum member role, for scope `member`. */
  readonly role?: MemberRole
  /** The route of the operation for signed-in users, and the minimum member role. */
  readonly console?: { readonly route: Route; readonly role: MemberRole }
  /** `false`: neither billed nor refused at an empty balance, so that users can always view and pay. */
  readonly billed?: false
  /** `true`: stays within the tables of a token's scope. Every other operation refuses tokens with a table scope. */
  readonly scoped?: true
  /**
   * Whether a token that is limited to some databases can call it. By default, operations that a database serves accept such
   * a token for those databases, and operations of the namespace refuse it. `pattern`: only if its databases are patterns.
   */
  readonly pinned?: boolean | 'pattern'
  /**
   * `database`: the database parses and validates the body itself, so that a warm call parses it once. By default, it gets
   * an input that was validated before.
   */
  readonly parsedBy?: 'database'
  readonly input: z.ZodObject
  readonly output: z.ZodType
  /** The status of a success; by default 200. */
  readonly status?: 200 | 201
  /** The schema of `meta`, next to `data` in the response. */
  readonly meta?: z.ZodType
  /** Media type of a response that is a file instead of JSON. */
  readonly stream?: string
  /** Media types of a request body that is a file instead of JSON. The input is then in the path and the query string. */
  readonly upload?: readonly string[]
  /** The protocol that the connection switches to. */
  readonly upgrade?: 'websocket'
  readonly errors?: readonly ErrorCode[]
}

/** Declares an operation: checks its type and returns it. */
export const operation = <const O extends Operation>(spec: O): O => spec

/** The input as a caller sends it. */
export type Input<O extends Operation> = z.input<O['input']>
/** The input as a handler receives it, with defaults filled in. */
export type Parsed<O extends Operation> = z.output<O['input']>
/** The `data` of the response. */
export type Output<O extends Operation> = z.output<O['output']>
/** The result of a handler: a page for paged lists, otherwise the output. */
export type Result<O extends Operation> = O extends {
  readonly meta: typeof PageMeta
  readonly output: z.ZodArray<infer T>
}
  ? Listed<z.output<T>>
  : Output<O>

/** Returns whether an operation is a paged list. */
export const isPaged = ({ meta }: Operation): boolean => meta === PageMeta

/** The entry point of a request: with a token or the operator's secret, or with the session cookie of a user. */
export type EntryPoint = 'bearer' | 'session'

/**
 * The credential that an entry point requires: a token, the operator's secret, the cookie of a user or a member, or
 * none.
 */
type Credential = 'token' | 'operator' | 'account' | 'member' | 'none'

/** Returns the credential that an operation requires at an entry point. */
export function credentialAt(door: EntryPoint, { scope }: Pick<Operation, 'scope'>): Credential {
  if (door === 'session') return scope === 'account' ? 'account' : 'member'
  return scope === 'anyone' ? 'none' : scope === 'operator' ? 'operator' : 'token'
}

/** Returns the routes of an operation with the entry point of each. */
export function getEntryPoints(op: Operation): [EntryPoint, ReturnType<typeof route>][] {
  const first: EntryPoint = op.scope === 'account' || op.scope === 'member' ? 'session' : 'bearer'
  const doors: [EntryPoint, ReturnType<typeof route>][] = [[first, route(op)]]
  if (op.console) doors.push(['session', route({ ...op, route: op.console.route })])
  return doors
}

/** Parses a route such as `'POST /v1/db/{ns}/{db}/query'` into its method, path and path parameters. */
export function route(op: Operation): { method: Method; path: string; params: string[]; inQuery: boolean } {
  const [method, path] = op.route.split(' ') as [Method, string]
  const params = [...path.matchAll(/\{(\w+)\}/g)].map((m) => m[1] as string)
  return { method, path, params, inQuery: method === 'GET' || method === 'DELETE' }
}
