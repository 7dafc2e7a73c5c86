import * as z from 'zod'
import type { ErrorCode } from './errors.ts'

/** What a token must be allowed to do. Roles are ordered: `readonly` < `readwrite` < `admin`. */
export type Scope = 'readonly' | 'readwrite' | 'admin' | 'operator'
/** What a person is in a namespace. Roles are ordered: `viewer` < `editor` < `admin` < `owner`. */
export const MemberRole = z.enum(['viewer', 'editor', 'admin', 'owner'])
export type MemberRole = z.infer<typeof MemberRole>
export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
export type Route = `${Method} /${string}`

/** One thing the platform can do. REST, OpenAPI, MCP and the SDK are all read off this object. */
export interface Operation<
  R extends Route = Route,
  In extends z.ZodObject = z.ZodObject,
  Out extends z.ZodType = z.ZodType,
> {
  readonly summary: string
  readonly route: R
  readonly scope: Scope
  /** Where a signed-in person does the same, and what that person must be in the namespace. */
  readonly console?: { readonly route: Route; readonly role: MemberRole }
  /** `false`: neither billed nor refused at an empty balance, so that one can always look and pay. */
  readonly billed?: false
  readonly input: In
  readonly output: Out
  /** What stands beside `data` in the response. */
  readonly meta?: z.ZodType
  readonly errors?: readonly ErrorCode[]
}

/** Declares an operation. It returns its argument: the declaration is the API. */
export const operation = <const R extends Route, In extends z.ZodObject, Out extends z.ZodType>(
  spec: Operation<R, In, Out>,
): Operation<R, In, Out> => spec

/** What a caller sends. */
export type Input<O> = O extends Operation<Route, infer In> ? z.input<In> : never
/** What a handler receives: defaults filled in. */
export type Parsed<O> = O extends Operation<Route, infer In> ? z.output<In> : never
/** What a handler answers: the `data` of the response. */
export type Output<O> = O extends Operation<Route, z.ZodObject, infer Out> ? z.output<Out> : never

/** `'POST /v1/db/{ns}/{db}/query'` as method, path, and the input keys that travel in the path. */
export function route(op: Operation): { method: Method; path: string; params: string[]; inQuery: boolean } {
  const [method, path] = op.route.split(' ') as [Method, string]
  const params = [...path.matchAll(/\{(\w+)\}/g)].map((m) => m[1] as string)
  return { method, path, params, inQuery: method === 'GET' || method === 'DELETE' }
}
