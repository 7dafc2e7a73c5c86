import type { JSONObject } from '@modelcontextprotocol/server'
import { api, isPaged, type Operation, route, shapes } from '@persql/contract'
import * as z from 'zod'
import { type Group, type Row, table } from './tool-table.ts'

/** A JSON Schema whose root is an object. */
export interface ObjectSchema {
  readonly type: 'object'
  readonly properties: JSONObject
  readonly [key: string]: unknown
}

/** A tool definition as clients see it. */
export interface Definition {
  readonly name: string
  readonly description: string
  readonly inputSchema: ObjectSchema
  readonly outputSchema: ObjectSchema
  readonly annotations: {
    readonly readOnlyHint: boolean
    readonly destructiveHint?: boolean
    readonly idempotentHint?: boolean
    readonly openWorldHint: boolean
  }
}

/** A tool that runs one operation of the contract. */
export interface Tool {
  readonly group: Group
  readonly row: Row
  readonly operation: Operation
  readonly definition: Definition
  /** The operation's field names by argument name. */
  readonly fields: ReadonlyMap<string, string>
}

const known = new Map<string, Tool>()

/** Returns the names of all tools in the order of the table. `readonly` omits tools that write. */
export const toolNames = (readonly: boolean): readonly string[] =>
  Object.keys(table).filter((name) => reachable(name, readonly))

/** Returns the table's row for a tool. `readonly` omits tools that write. */
export function reachable(name: string, readonly: boolean): Row | undefined {
  const row = Object.hasOwn(table, name) ? table[name] : undefined
  return row && readonly && writes(row) ? undefined : row
}

/** Returns a tool by its name. Schemas are created on first use, because sixty of them would slow down a cold start. */
export function getTool(name: string): Tool | undefined {
  const row = reachable(name, false)
  if (!row) return undefined
  let tool = known.get(name)
  if (!tool) {
    tool = toolFrom(name, row)
    known.set(name, tool)
  }
  return tool
}

/**
 * Returns whether the tool needs more than the `readonly` role. Tools for statements don't: the role limits each
 * statement.
 */
const writes = (row: Row) => api[row.operation].scope !== 'readonly'

/** Returns the definition for a caller that can only read. */
export const readingOnly = (definition: Definition): Definition => ({
  ...definition,
  annotations: { readOnlyHint: true, openWorldHint: definition.annotations.openWorldHint },
})

function toolFrom(name: string, row: Row): Tool {
  const operation: Operation = api[row.operation]
  const input = row.input ?? operation.input
  const renames: Record<string, string> = { db: 'database', ...row.rename }
  const fields = new Map(
    Object.keys(input.shape)
      .filter((field) => field !== 'ns')
      .map((field) => [renames[field] ?? field, field]),
  )
  const { method } = route(operation)
  const changes = writes(row) || row.destructive === true
  return {
    group: row.group,
    row,
    operation,
    fields,
    definition: {
      name,
      description: row.description ?? operation.summary,
      inputSchema: inputSchema(input, fields),
      outputSchema: outputSchema(operation),
      annotations: {
        readOnlyHint: !changes,
        ...(changes && {
          destructiveHint: row.destructive ?? method === 'DELETE',
          ...((method === 'PUT' || method === 'DELETE') && { idempotentHint: true }),
        }),
        openWorldHint: row.openWorld ?? false,
      },
    },
  }
}

function inputSchema(input: z.ZodObject, fields: ReadonlyMap<string, string>): ObjectSchema {
  const { properties = {}, required = [], ...rest } = converted(input, 'input')
  const named = [...fields].map(([argument, field]) => [argument, field === 'db' ? DATABASE : properties[field]])
  const needed = [...fields].filter(([, field]) => required.includes(field)).map(([argument]) => argument)
  return {
    ...rest,
    type: 'object',
    properties: Object.fromEntries(named) as JSONObject,
    ...(needed.length > 0 && { required: needed }),
  }
}

const DATABASE = { type: 'string' }

/**
 * Returns the output schema of a tool, including failures: clients with the 2025 SDK validate those too. A value that
 * isn't an object is in `result`. The schema is one level deep, because each response shows the rest.
 */
function outputSchema(operation: Operation): ObjectSchema {
  const schema = shallow(converted(operation.output, 'output')) as Converted
  const forms = schema.anyOf ?? [schema]
  const besides = isPaged(operation) ? converted(operation.meta as z.ZodType, 'output').properties : {}
  const success = forms.every(({ properties }) => properties)
    ? forms
    : [{ properties: { result: schema as JSONObject, ...besides }, required: ['result'] }]
  const properties = Object.assign({}, ...success.map(({ properties }) => properties)) as JSONObject
  return {
    type: 'object',
    properties: { ...properties, error: properties.error ?? { type: 'string' } },
    anyOf: [...success.map(({ required = [] }) => ({ required })), { required: ['error'] }],
  }
}

/** Removes the properties of nested objects, and the alternatives of nested values. */
function shallow(schema: unknown, inside = false): unknown {
  if (Array.isArray(schema)) return schema.map((item) => shallow(item, inside))
  if (typeof schema !== 'object' || schema === null) return schema
  if (inside && 'anyOf' in schema) return {}
  const { properties, required, ...rest } = schema as Converted
  const open = Object.fromEntries(Object.entries(rest).map(([key, value]) => [key, shallow(value, inside)]))
  if (properties === undefined || inside) return open
  const entries = Object.entries(properties).map(([name, value]) => [name, shallow(value, true)])
  return { ...open, properties: Object.fromEntries(entries), required }
}

interface Converted {
  readonly type?: string
  readonly properties?: JSONObject
  readonly required?: string[]
  readonly anyOf?: readonly Converted[]
  readonly [key: string]: unknown
}

function converted(schema: z.ZodType, io: 'input' | 'output'): Converted {
  const { $schema, $defs, ...json } = z.toJSONSchema(schema, {
    io,
    target: 'draft-2020-12',
    unrepresentable: 'any',
    override({ zodSchema, jsonSchema }) {
      // Any SQLite value: repeating the schema would cost a hundred tokens each time.
      if (zodSchema === shapes.Value || zodSchema === shapes.Param) delete jsonSchema.anyOf
    },
  })
  return tidy(json, io) as Converted
}

/** Removes the parts of a schema that cost tokens without helping an agent: errors explain the rest. */
function tidy(schema: unknown, io: 'input' | 'output'): unknown {
  if (Array.isArray(schema)) return schema.map((item) => tidy(item, io))
  if (typeof schema !== 'object' || schema === null) return schema
  // Only the recursive schema for any JSON value is a reference.
  if ('$ref' in schema) return {}
  const rest = { ...(schema as Record<string, unknown>) }
  if (rest.minimum === Number.MIN_SAFE_INTEGER) delete rest.minimum
  if (rest.maximum === Number.MAX_SAFE_INTEGER) delete rest.maximum
  if (rest.minLength === 1) delete rest.minLength
  if (rest.minItems === 1) delete rest.minItems
  if (rest.format !== undefined) delete rest.pattern
  if (rest.format === 'base64') delete rest.format
  // Responses can get more fields later without breaking clients.
  if (io === 'output' && rest.additionalProperties === false) delete rest.additionalProperties
  return Object.fromEntries(Object.entries(rest).map(([key, value]) => [key, tidy(value, io)]))
}
