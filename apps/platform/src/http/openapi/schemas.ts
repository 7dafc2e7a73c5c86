import { shapes } from '@persql/contract'
import * as z from 'zod'

/** A JSON Schema of draft 2020-12, or any other part of an OpenAPI document. */
export type Json = { readonly [key: string]: unknown }

const names = z.registry<{ id: string }>()
for (const [id, shape] of Object.entries(shapes)) names.add(shape, { id })

const DEFS = '#/$defs/'
/** Formats for which the long patterns that zod adds are removed. */
const FORMATS = new Set(['date-time', 'date', 'email', 'uri'])

/** Converts zod schemas to JSON Schema. Collects the schemas that the contract names, and refers to them. */
export class Schemas {
  readonly #shared = new Map<string, Json>()

  /** Returns the schema of an input, where fields with a default are optional. */
  ofInput(schema: z.ZodType): Json {
    return this.#convert(schema, 'input')
  }

  /** Returns the schema of an output. */
  ofOutput(schema: z.ZodType): Json {
    return this.#convert(schema, 'output')
  }

  /** The named schemas collected so far, for `components.schemas`. */
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

/** Returns whether zod generated the name. The contract has one such recursive schema: any JSON value. */
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
  // `contentEncoding` expresses the same, and only zod knows the format "base64".
  if (rest.format === 'base64') delete rest.format
  // Responses can get more fields later without breaking clients.
  if (io === 'output' && rest.additionalProperties === false) delete rest.additionalProperties
  return Object.fromEntries(Object.entries(rest).map(([key, value]) => [key, tidy(value, io)]))
}
