import type { Answer, Call, Transport } from './http.ts'
import type { Params } from './types.ts'
import { encodeParams, toResult } from './values.ts'

/** The target of calls: a base path and a transport. */
export interface Target {
  readonly path: string
  readonly transport: () => Promise<Transport> | Transport
}

/** A target, or a function that finds it before each call. */
export type TargetSource = Target | (() => Promise<Target>)

/** The argument fields that are options of the call. All other fields are sent. */
const OPTIONS = /^(signal|timeoutMs|maxRetries|idempotencyKey|planKey|planStep|repeatable|raw)$/
/** Returns a random idempotency key. */
export const randomKey = (): string =>
  Array.from(crypto.getRandomValues(new Uint32Array(4)), (n) => n.toString(36)).join('-')

/**
 * Calls a route: `METHOD path field`. Arguments fill each `*` of the path, then the field if the route has one. Further
 * arguments are objects of fields and options, or a file. With a file, GET or DELETE, fields go in the query string. Marks
 * after the method: `!` for a call that isn't idempotent, `?` for a call that only reads, `=` for a call that returns rows.
 */
export async function callRoute<T>(target: TargetSource, route: string, args: unknown[]): Promise<T> {
  const { path: base, transport } = typeof target === 'function' ? await target() : target
  const [, verb, marks = '', path = '', field] = /^(\w+)(\W*) (\S+) ?(.*)/.exec(route) ?? []
  const rest = [...args]
  const call: Record<string, unknown> = {
    method: verb,
    path: base + path.replace(/\*/g, () => segment(rest.shift())),
  }
  const fields: Record<string, unknown> = {}
  if (field) fields[field] = rest.shift()
  for (const given of rest) {
    if (given instanceof Blob) call.body = given
    // Arrays come from `ids.map(db.webhooks.get)`.
    else if (!Array.isArray(given))
      for (const [name, value] of Object.entries(given ?? {})) (OPTIONS.test(name) ? call : fields)[name] = value
  }
  if (fields.params) fields.params = encodeParams(fields.params as Params)
  if (verb === 'GET' || verb === 'DELETE' || call.body) {
    const given = Object.entries(fields).filter(([, value]) => value !== undefined)
    if (given.length > 0) call.path += `?${new URLSearchParams(given as string[][])}`
  } else call.body = fields
  if (verb !== 'GET') {
    if (marks.includes('?')) call.repeatable = true
    const isSafe = call.repeatable || (call.planKey && call.planStep)
    if (!isSafe && !marks.includes('!')) call.idempotencyKey ??= randomKey()
  }
  const { data, meta }: Answer = await (await transport()).call(call as unknown as Call)
  // Not enumerable, so a list is serialized and compared by its items only.
  if (meta?.total >= 0) Object.defineProperty(data, 'meta', { value: meta })
  if (!marks.includes('=')) return data
  return (Array.isArray(data) ? data.map((one) => toResult(one, meta)) : toResult(data, meta)) as T
}

/** Encodes a part of a path. @throws TypeError for a part that would change the path */
function segment(part: unknown): string {
  if (typeof part !== 'string' || /^\.{0,2}$/.test(part)) throw new TypeError(`Invalid name or ID "${part}".`)
  return encodeURIComponent(part)
}

/** The routes of resources, by method name. */
export type Routes<Resources> = { readonly [R in keyof Resources]: { readonly [M in keyof Resources[R]]: string } }

/** Returns a route with the name of its resource, for which it can have `.`. */
export const toFullRoute = (route: string, resource: string): string => route.replace(' .', ` ${resource}`)

/** Creates resources from their routes. */
export const bindResources = <Resources>(target: TargetSource, routes: Routes<Resources>): Resources => {
  const map = (given: object, make: (value: never, name: string) => unknown) =>
    Object.fromEntries(Object.entries(given).map(([name, value]) => [name, make(value as never, name)]))
  const toMethod =
    (route: string) =>
    (...args: unknown[]) =>
      callRoute(target, route, args)
  return map(routes, (methods, name) => map(methods, (route) => toMethod(toFullRoute(route, name)))) as Resources
}
