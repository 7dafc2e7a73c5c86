import { shapes } from '@persql/contract'
import * as z from 'zod'

/** A JSON Schema of draft 2020-12, or any other part of a document. */
export type Json = { readonly [key: string]: unknown }

const names = z.registry<{ id: string }>()
for (const [id, shape] of Object.entries(shapes)) names.add(shape, { id })

const DEFS = '#/$defs/'
/** Formats say it better than the patterns that zod adds, a screenful each. */
const FORMATS = new Set(['date-time', 'date', 'email', 'uri'])

/** Zod's schemas as JSON Schema. Shapes that the contract names are collected on the way, and referred to. */
export class Schemas {
  readonly #shared = new Map<string, Json>()

  /** What a caller sends: fields with a default may be left out. */
  ofInput(schema: z.ZodType): Json {
    return this.#convert(schema, 'input')
  }

  /** What a caller gets. */
  ofOutput(schema: z.ZodType): Json {
    return this.#convert(schema, 'output')
  }

  /** The shapes met so far, for `components.schemas`. */
  get shared(): Json {
    return Object.fromEntries([...this.#shared].sort(([a], [b]) => (a < b ? -1 : 1)))
  }

  #convert(schema: z.ZodType, io: 'input' | 'output'): Json {
    const { $schema, $defs, ...converted } = z.toJSONSchema(schema, {
      io,
      target: 'draft-2020-12',
      unrepresentable: 'any',
      metadata: names,
    })
    for (const [name, shape] of Object.entries($defs ?? {})) {
      if (!isAnonymous(name)) this.#shared.set(name, tidy(shape, io) as Json)
    }
    return tidy(converted, io) as Json
  }
}

/** A recursive shape without a name: there is one, any JSON value. */
const isAnonymous = (name: string) => name.startsWith('__')

function tidy(schema: unknown, io: 'input' | 'output'): unknown {
  if (Array.isArray(schema)) return schema.map((item) => tidy(item, io))
  if (typeof schema !== 'object' || schema === null) return schema
  const { $ref, ...rest } = schema as { $ref?: string } & Record<string, unknown>
  if ($ref?.startsWith(DEFS)) {
    const name = $ref.slice(DEFS.length)
    return isAnonymous(name) ? {} : { $ref: `#/components/schemas/${name}` }
  }
  if (rest.type === 'integer') {
    rest.format = 'int64'
    if (rest.minimum === Number.MIN_SAFE_INTEGER) delete rest.minimum
    if (rest.maximum === Number.MAX_SAFE_INTEGER) delete rest.maximum
  }
  if (FORMATS.has(rest.format as string)) delete rest.pattern
  // `contentEncoding` says the same, and this is a format that only zod knows.
  if (rest.format === 'base64') delete rest.format
  // An answer may get more fields one day without breaking anybody.
  if (io === 'output' && rest.additionalProperties === false) delete rest.additionalProperties
  return Object.fromEntries(Object.entries(rest).map(([key, value]) => [key, tidy(value, io)]))
}
