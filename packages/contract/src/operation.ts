import * as z from 'zod'
import type { ErrorCode } from './errors.ts'
import { type Listed, PageMeta } from './paging.ts'

/**
 * Who may call: a token with a role (ordered: `readonly` < `readwrite` < `admin`), the operator of the instance, anyone
 * signed in, a signed-in member of the namespace in the path, or just anyone.
 */
export type Scope = 'readonly' | 'readwrite' | 'admin' | 'operator' | 'account' | 'member' | 'anyone'
/** What a person is in a namespace. Roles are ordered: `viewer` < `editor` < `admin` < `owner`. */
export const MemberRole = z.enum(['viewer', 'editor', 'admin', 'owner'])
export type MemberRole = z.infer<typeof MemberRole>
export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
export type Route = `${Method} /${string}`

/** One thing the platform can do. REST, OpenAPI, MCP and the SDK are all read off this object. */
export interface Operation {
  readonly summary: string
  readonly route: Route
  readonly scope: Scope
  /** With scope `member`: what that person must be at least. */
  readonly role?: MemberRole
  /** Where a signed-in person does the same, and what that person must be in the namespace. */
  readonly console?: { readonly route: Route; readonly role: MemberRole }
  /** `false`: neither billed nor refused at an empty balance, so that one can always look and pay. */
  readonly billed?: false
  /** `true`: stays within the tables of a token's scope. Every other operation refuses tokens with a table scope. */
  readonly scoped?: true
  /**
   * Whether a token that opens only some databases can call it. By default, operations that a database serves accept such
   * a token for the databases it opens, and operations of the namespace refuse it.
   */
  readonly pinned?: boolean
  readonly input: z.ZodObject
  readonly output: z.ZodType
  /** What stands beside `data` in the response. */
  readonly meta?: z.ZodType
  /** Media type of an answer that is not JSON but a file. */
  readonly stream?: string
  /** Media types of a body that is not JSON but a file; all else of the input travels in the path and the query string. */
  readonly upload?: readonly string[]
  /** What the connection becomes instead of an answer. */
  readonly upgrade?: 'websocket'
  readonly errors?: readonly ErrorCode[]
}

/** Declares an operation. It returns its argument: the declaration is the API. */
export const operation = <const O extends Operation>(spec: O): O => spec

/** What a caller sends. */
export type Input<O extends Operation> = z.input<O['input']>
/** What a handler receives: defaults filled in. */
export type Parsed<O extends Operation> = z.output<O['input']>
/** What a handler answers: the `data` of the response. */
export type Output<O extends Operation> = z.output<O['output']>
/** What a handler of a list that is read in pages answers, and of any other operation. */
export type Result<O extends Operation> = O extends {
  readonly meta: typeof PageMeta
  readonly output: z.ZodArray<infer T>
}
  ? Listed<z.output<T>>
  : Output<O>

/** Returns whether an operation is a list that is read in pages. */
export const isPaged = ({ meta }: Operation): boolean => meta === PageMeta

/** Through which door a request comes: with a token (or the operator's secret), or with the cookie of somebody signed in. */
export type Door = 'bearer' | 'session'

/** What a door asks a caller for: a token, the operator's secret, the cookie of a person or a member, or nothing. */
type Credential = 'token' | 'operator' | 'account' | 'member' | 'none'

/** Returns the credential that an operation is called with at a door. */
export function credentialAt(door: Door, { scope }: Pick<Operation, 'scope'>): Credential {
  if (door === 'session') return scope === 'account' ? 'account' : 'member'
  return scope === 'anyone' ? 'none' : scope === 'operator' ? 'operator' : 'token'
}

/** The routes of an operation, each with what it asks a caller for. */
export function doorsOf(op: Operation): [Door, ReturnType<typeof route>][] {
  const first: Door = op.scope === 'account' || op.scope === 'member' ? 'session' : 'bearer'
  const doors: [Door, ReturnType<typeof route>][] = [[first, route(op)]]
  if (op.console) doors.push(['session', route({ ...op, route: op.console.route })])
  return doors
}

/** `'POST /v1/db/{ns}/{db}/query'` as method, path, and the input keys that travel in the path. */
export function route(op: Operation): { method: Method; path: string; params: string[]; inQuery: boolean } {
  const [method, path] = op.route.split(' ') as [Method, string]
  const params = [...path.matchAll(/\{(\w+)\}/g)].map((m) => m[1] as string)
  return { method, path, params, inQuery: method === 'GET' || method === 'DELETE' }
}
