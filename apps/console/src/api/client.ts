import type { Api, Input, Output } from '@persql/contract'
import { PerSQL, PerSQLError, type QueryMeta } from '@persql/sdk'

/** The route by which somebody signed in reaches an operation. */
type SessionRoute<O> = O extends { console: { route: infer R extends string } }
  ? R
  : O extends { scope: 'account' | 'member'; route: infer R extends string }
    ? R
    : never
type Routes = { [K in keyof Api as SessionRoute<Api[K]>]: Api[K] }
type PathParam<R> = R extends `${string}{${infer P}}${infer Rest}` ? P | PathParam<Rest> : never

/** A route of the contract for people who are signed in, such as `GET /api/namespaces/{ns}/databases`. */
export type Route = keyof Routes
/** What a call of a route takes: parameters of its path, and all else flat beside them. */
export type CallInput<R extends Route> = { [K in PathParam<R>]: string } & Without<Input<Routes[R]>, PathParam<R>>
/** `Omit`, which also takes away that an empty object may have any keys of no value. */
type Without<I, P> = { [K in keyof I as string extends K ? never : K extends P ? never : K]: I[K] }
/** What a call of a route answers: `data` of the response. */
export type CallOutput<R extends Route> = Output<Routes[R]>

// Without a token: the cookie says who it is. The SDK repeats what may be repeated, and knows the errors.
const persql = new PerSQL({ baseURL: location.origin })

/** Calls a route of the contract with the session's cookie. @throws PerSQLError of the SDK */
export async function call<R extends Route>(
  route: R,
  input: CallInput<R>,
  signal?: AbortSignal,
): Promise<CallOutput<R>> {
  return (await callWithMeta(route, input, signal)).data
}

/** The same with what stands beside `data`: what the call cost. @throws PerSQLError of the SDK */
export function callWithMeta<R extends Route>(
  route: R,
  input: CallInput<R>,
  signal?: AbortSignal,
): Promise<{ data: CallOutput<R>; meta?: QueryMeta }> {
  const [method, pattern] = route.split(' ') as [string, string]
  const rest: Record<string, unknown> = { ...input }
  const path = pattern.replace(/\{(\w+)\}/g, (_all, name: string) => {
    const value = encodeURIComponent(String(rest[name]))
    delete rest[name]
    return value
  })
  const inQuery = method === 'GET' || method === 'DELETE'
  return persql.requestWithMeta(method, path + (inQuery ? queryOf(rest) : ''), inQuery ? undefined : rest, {
    signal,
    ...(COPIES.test(route) && { timeoutMs: 0 }),
  })
}

/** Copies of a whole database take as long as they take. */
const COPIES = /^POST .*\/(fork|restore|snapshots)$/

function queryOf(values: Record<string, unknown>): string {
  const given = Object.entries(values).filter(([, value]) => value !== undefined)
  return given.length === 0 ? '' : `?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}`
}

/** The account library's own routes, which answer as they like. @throws PerSQLError with its sentence */
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
