import type { Api, Input, Output } from '@persql/contract'
import { PerSQL, PerSQLError, type QueryMeta } from '@persql/sdk'
import { cancelableFetch } from './cancelable-fetch.ts'

/** The route of an operation for signed-in users. */
type SessionRoute<O> = O extends { console: { route: infer R extends string } }
  ? R
  : O extends { scope: 'account' | 'member' | 'anyone'; route: infer R extends string }
    ? R
    : never
type Routes = { [K in keyof Api as SessionRoute<Api[K]>]: Api[K] }
type PathParam<R> = R extends `${string}{${infer P}}${infer Rest}` ? P | PathParam<Rest> : never

/** A route of the contract for signed-in users, such as `GET /api/namespaces/{ns}/databases`. */
export type Route = keyof Routes
/** The input of a route: its path parameters and all other fields in one flat object. */
export type CallInput<R extends Route> = { [K in PathParam<R>]: string } & Without<Input<Routes[R]>, PathParam<R>>
/** `Omit` that also removes the index signature of an empty object. */
type Without<I, P> = { [K in keyof I as string extends K ? never : K extends P ? never : K]: I[K] }
/** The output of a route: `data` of the response. */
export type CallOutput<R extends Route> = Output<Routes[R]>

// No token: the session cookie authenticates the calls. The SDK retries safe calls and parses errors.
const persql = new PerSQL({ baseURL: location.origin, fetch: cancelableFetch })

/** Calls a route of the contract with the session cookie. @throws PerSQLError of the SDK */
export async function call<R extends Route>(
  route: R,
  input: CallInput<R>,
  signal?: AbortSignal,
): Promise<CallOutput<R>> {
  const { data, meta } = await callWithMeta(route, input, signal)
  const { nextCursor: cursor } = (meta ?? {}) as { nextCursor?: string | null }
  if (!WHOLE_LISTS.has(route) || !Array.isArray(data) || !cursor) return data
  const rest = await call(route, { ...input, pageSize: PAGE_SIZE, cursor }, signal)
  return [...data, ...(rest as unknown[])] as CallOutput<R>
}

/** Lists that the server ends after 1,000 items. The console searches them, so it reads all pages. */
const WHOLE_LISTS: ReadonlySet<Route> = new Set<Route>(['GET /api/namespaces/{ns}/databases'])
const PAGE_SIZE = 1_000

/**
 * Calls a route and also returns `meta`, the cost of the call. With a key, repeated calls run once.
 * @throws PerSQLError of the SDK
 */
export function callWithMeta<R extends Route>(
  route: R,
  input: CallInput<R>,
  signal?: AbortSignal,
  idempotencyKey?: string,
): Promise<{ data: CallOutput<R>; meta?: QueryMeta }> {
  const [method, pattern] = route.split(' ') as [string, string]
  const rest: Record<string, unknown> = { ...input }
  const path = pattern.replace(/\{(\w+)\}/g, (_all, name: string) => {
    const value = encodeURIComponent(String(rest[name]))
    delete rest[name]
    return value
  })
  const inQuery = method === 'GET' || method === 'DELETE'
  return persql.requestWithMeta(method, path + (inQuery ? formatQuery(rest) : ''), inQuery ? undefined : rest, {
    signal,
    ...(idempotencyKey !== undefined && { idempotencyKey }),
    ...(COPIES.test(route) && { timeoutMs: 0 }),
  })
}

/** Routes that copy a whole database have no timeout. */
const COPIES = /^POST .*\/(fork|restore|snapshots)$/

function formatQuery(values: Record<string, unknown>): string {
  const given = Object.entries(values).filter(([, value]) => value !== undefined)
  return given.length === 0 ? '' : `?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}`
}

/** Calls a route of the account library, whose responses have no common form. @throws PerSQLError with its message */
export async function callAuth<T>(path: string, body?: object): Promise<T> {
  const response = await fetch(`/api/auth/${path}`, {
    method: body ? 'POST' : 'GET',
    headers: body ? { 'Content-Type': 'application/json' } : {},
    body: body && JSON.stringify(body),
  })
  const answer = await response.json().catch(() => ({}))
  if (response.ok) return answer as T
  const { message = 'Something went wrong.', code = 'account' } = answer ?? {}
  throw new PerSQLError({ status: response.status, code: String(code).toLowerCase(), message })
}
