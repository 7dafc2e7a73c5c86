import type { EndpointSpec, FieldSpec } from './spec.ts'

/** The subset of JSON Schema that describes the input of an endpoint. */
export interface JsonSchema {
  readonly type: 'object'
  readonly properties: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  readonly required: readonly string[]
  readonly additionalProperties: false
}

/** An endpoint as an AI tool. */
export interface ToolDefinition {
  readonly name: string
  readonly description: string
  readonly input_schema: JsonSchema
}

type Described = Pick<EndpointSpec, 'slug' | 'name' | 'description' | 'kind' | 'input'>

/** Converts an endpoint to an AI tool. Hyphens of the slug become underscores. */
export function endpointToToolDefinition(spec: Described): ToolDefinition {
  return {
    name: spec.slug.replaceAll('-', '_'),
    description: spec.description ?? spec.name,
    input_schema: inputSchema(spec),
  }
}

/** Returns the JSON Schema of the fields that a client sends, without those of the session. */
export function inputSchema({ kind, input }: Pick<EndpointSpec, 'kind' | 'input'>): JsonSchema {
  const fields = input.filter(({ name }) => !name.startsWith('$'))
  return {
    type: 'object',
    properties: Object.fromEntries(fields.map((field) => [field.name, toProperty(field, kind)])),
    required: fields.filter((field) => isRequired(field, kind)).map(({ name }) => name),
    additionalProperties: false,
  }
}

/**
 * Returns whether a field is required. Signup and login always require email and password, and `ask` requires its
 * question.
 */
export const isRequired = ({ name, required }: FieldSpec, kind: EndpointSpec['kind']): boolean =>
  required === true ||
  kind === 'ask' ||
  ((kind === 'auth_signup' || kind === 'auth_login') && (name === 'email' || name === 'password'))

/** Returns the maximum length of a field. A question has its own default. */
export const getMaxLength = ({ maxLength }: FieldSpec, kind: EndpointSpec['kind']): number | undefined =>
  kind === 'ask' ? (maxLength ?? 500) : maxLength

function toProperty(field: FieldSpec, kind: EndpointSpec['kind']): Record<string, unknown> {
  const { type, label, pattern, min, max } = field
  const maxLength = getMaxLength(field, kind)
  return {
    ...(type !== 'json' && { type: type === 'email' || type === 'url' || type === 'text' ? 'string' : type }),
    ...(type === 'email' && { format: 'email' }),
    ...(type === 'url' && { format: 'uri' }),
    ...(label !== undefined && { title: label }),
    ...(pattern !== undefined && { pattern }),
    ...(field.enum && { enum: field.enum }),
    ...(min !== undefined && { minimum: min }),
    ...(max !== undefined && { maximum: max }),
    ...(type !== 'json' && maxLength !== undefined && { maxLength }),
  }
}
