import { type Components, type Schema, SchemaTypes } from './schema-types.ts'

export interface Parameter {
  readonly $ref?: string
  readonly name: string
  readonly in: string
  readonly required?: boolean
  readonly description?: string
  readonly schema: Schema
}

interface Content {
  readonly content?: { readonly [type: string]: { readonly schema?: Schema } }
}

export interface Operation {
  readonly operationId: string
  readonly summary: string
  readonly description?: string
  readonly tags: readonly string[]
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: Content
  readonly responses: { readonly [status: string]: Content }
}

/** The part of an OpenAPI document that the pages show. */
export interface ApiDocument {
  readonly paths: { readonly [path: string]: { readonly [method: string]: Operation } }
  readonly components: Components
}

/** An operation with its routes: those for tokens first. */
export interface Route {
  readonly operation: Operation
  readonly routes: readonly { readonly method: string; readonly path: string }[]
}

/** Lists the operations, each with its routes: for tokens first, then for the console. */
export function listOperations({ paths }: ApiDocument): Route[] {
  const found = new Map<string, Route>()
  for (const [path, item] of Object.entries(paths)) {
    for (const [method, operation] of Object.entries(item)) {
      const { tags, summary } = operation
      const key = `${tags} ${summary}`
      const route = { method: method.toUpperCase(), path }
      const known = found.get(key)
      if (!known) found.set(key, { operation, routes: [route] })
      else if (path.startsWith('/v1')) found.set(key, { operation, routes: [route, ...known.routes] })
      else found.set(key, { operation: known.operation, routes: [...known.routes, route] })
    }
  }
  return [...found.values()]
}

/** Returns the codes of an operation's errors, with their statuses. */
export function readCodes({ components }: ApiDocument, { responses }: Operation): ReadonlyMap<string, string> {
  const types = new SchemaTypes(components)
  const found = Object.entries(responses).flatMap(([status, response]) => {
    const schema = types.resolve(toSchema(response))
    const codes = [schema, ...(schema?.allOf ?? [])].flatMap((each) => listCodes(each))
    return Number(status) < 400 ? [] : codes.map((code) => [String(code), status] as const)
  })
  return new Map(found)
}

/** Returns the codes of errors that each operation for tokens has. */
export function findCommonCodes(document: ApiDocument): ReadonlySet<string> {
  const all = listOperations(document).filter(({ routes }) => routes.some(({ path }) => path.startsWith('/v1/db/')))
  const [first = new Set<string>(), ...others] = all.map(
    ({ operation }) => new Set(readCodes(document, operation).keys()),
  )
  return new Set([...first].filter((code) => others.every((codes) => codes.has(code))))
}

/** Codes of errors about a body that isn't what the client sent or meant to send, which says nothing about an operation. */
export const bodyCodes = ['invalid_json', 'body_incomplete', 'body_timeout', 'body_too_large'] as const

/** Formats codes as a sentence: those that aren't common, with their statuses. */
export function formatErrors(codes: ReadonlyMap<string, string>, common: ReadonlySet<string>): string {
  const own = [...codes].filter(([code]) => !common.has(code))
  return own.length === 0 ? '' : `Errors: ${own.map(([code, status]) => `\`${code}\` (${status})`).join(', ')}.`
}

/** Formats codes as alternatives. */
export const formatCodes = (codes: readonly string[]) =>
  codes
    .map((code) => `\`${code}\``)
    .join(', ')
    .replace(/, ([^,]*)$/, ' or $1')

/** Lists the codes of an error's schema. */
function listCodes({ properties: { code } = {} }: Schema = {}): readonly unknown[] {
  return code?.enum ?? []
}

/** Returns the schema of a JSON body. */
export const toSchema = (content: Content | undefined): Schema | undefined =>
  content?.content?.['application/json']?.schema
