/** A JSON Schema of the OpenAPI document. */
export interface Schema {
  readonly $ref?: string
  readonly type?: string | readonly string[]
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly properties?: { readonly [name: string]: Schema }
  readonly required?: readonly string[]
  readonly additionalProperties?: boolean | Schema
  readonly items?: Schema
  readonly anyOf?: readonly Schema[]
  readonly oneOf?: readonly Schema[]
  readonly allOf?: readonly Schema[]
  readonly prefixItems?: readonly Schema[]
  readonly description?: string
  readonly default?: unknown
  readonly minimum?: number
  readonly maximum?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly maxItems?: number
  readonly pattern?: string
  readonly contentEncoding?: string
}

/** The schemas, parameters and headers that others refer to. */
export interface Components {
  readonly [kind: string]: { readonly [name: string]: unknown }
}

/** Writes the schemas of a document as TypeScript types. */
export class SchemaTypes {
  readonly #components: Components

  constructor(components: Components) {
    this.#components = components
  }

  /** Returns what a reference refers to, or a value without a reference unchanged. */
  resolve<T extends { readonly $ref?: string | undefined }>(value: T | undefined): T | undefined {
    if (value?.$ref === undefined) return value
    const [kind = '', name = ''] = value.$ref.replace('#/components/', '').split('/')
    return this.resolve(this.#components[kind]?.[name] as T)
  }

  /** Returns a value in a cell of a table: its type on one line, its limits and a note. */
  toCell(schema: Schema, note?: string, description = schema.description): string {
    const type = `\`${inOneLine(this.toType(schema))}\``
    const facts = [type, ...limits(this.resolve(schema) ?? {}), note].filter(Boolean).join(', ')
    return [facts, description].filter(Boolean).join('. ').replaceAll('|', '\\|')
  }

  /** Returns a schema as a TypeScript type. */
  toType(schema: Schema, indent = '', depth = 0): string {
    const resolved = this.resolve(schema) ?? {}
    const inner = (each: Schema) => this.toType(each, indent, depth + 1)
    if (depth > 8) return 'unknown'
    if (resolved.const !== undefined) return JSON.stringify(resolved.const)
    if (resolved.enum) return resolved.enum.map((value) => JSON.stringify(value)).join(' | ')
    const either = resolved.anyOf ?? resolved.oneOf
    if (either) return [...new Set(either.map(inner))].join(' | ')
    if (resolved.allOf) return resolved.allOf.map(inner).join(' & ')
    if (Array.isArray(resolved.type)) return resolved.type.map((type) => inner({ ...resolved, type })).join(' | ')
    if (resolved.prefixItems) return `[${resolved.prefixItems.map(inner).join(', ')}]`
    if (resolved.type === 'array') {
      const item = inner(resolved.items ?? {})
      return / [|&] /.test(item) && !/^\{|\]$/.test(item) ? `(${item})[]` : `${item}[]`
    }
    if (resolved.type === 'object') return this.#toObjectType(resolved, indent, depth)
    return resolved.type === 'integer' ? 'number' : ((resolved.type as string | undefined) ?? 'unknown')
  }

  #toObjectType({ properties, required = [], additionalProperties }: Schema, indent: string, depth: number): string {
    if (!properties || Object.keys(properties).length === 0) {
      const value =
        typeof additionalProperties === 'object' ? this.toType(additionalProperties, indent, depth + 1) : 'unknown'
      return `{ [name: string]: ${value} }`
    }
    const [only, ...others] = Object.entries(properties)
    if (only && others.length === 0 && depth > 0) {
      return `{ ${only[0]}${required.length > 0 ? '' : '?'}: ${this.toType(only[1], indent, depth + 1)} }`
    }
    const further = `${indent}  `
    const lines = Object.entries(properties).map(
      ([name, schema]) =>
        `${further}${name}${required.includes(name) ? '' : '?'}: ${this.toType(schema, further, depth + 1)}`,
    )
    return `{\n${lines.join('\n')}\n${indent}}`
  }
}

const inOneLine = (type: string) =>
  type
    .replace(/\{\n\s+/g, '{ ')
    .replace(/\n\s*\}/g, ' }')
    .replace(/\n\s*/g, '; ')

/** Returns the limits of a value in words. */
function limits({ minimum, maximum, minLength, maxLength, maxItems, default: preset }: Schema): string[] {
  const isSafe = (value: number | undefined) => value !== undefined && Math.abs(value) < Number.MAX_SAFE_INTEGER
  return [
    isSafe(minimum) ? `at least ${minimum}` : undefined,
    isSafe(maximum) ? `at most ${maximum}` : undefined,
    minLength === 1 && maxLength === undefined ? 'not empty' : undefined,
    maxLength === undefined ? undefined : `at most ${maxLength} characters`,
    maxItems === undefined ? undefined : `at most ${maxItems} items`,
    preset === undefined || typeof preset === 'object' ? undefined : `default ${JSON.stringify(preset)}`,
  ].filter((limit) => limit !== undefined)
}
