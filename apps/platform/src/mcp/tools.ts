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

/** A tool as clients get to see it. */
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
  /** Name of the operation's field by the name of the argument. */
  readonly fields: ReadonlyMap<string, string>
}

const known = new Map<string, Tool>()

/** Names of all tools in the order of the table; with `readonly` those that write are left out. */
export const toolNames = (readonly: boolean): readonly string[] =>
  Object.keys(table).filter((name) => reachable(name, readonly))

/** The tool's line in the table; none for one that writes where only reading is asked for. */
export function reachable(name: string, readonly: boolean): Row | undefined {
  const row = Object.hasOwn(table, name) ? table[name] : undefined
  return row && readonly && writes(row) ? undefined : row
}

/** A tool by its name. Schemas are made when they are first asked for: sixty at once would make a cold start slow. */
export function toolOf(name: string): Tool | undefined {
  const row = reachable(name, false)
  if (!row) return undefined
  let tool = known.get(name)
  if (!tool) {
    tool = toolFrom(name, row)
    known.set(name, tool)
  }
  return tool
}

/** Whether it does what a token for reading may not. Statements are judged by what they do: those of a reader read. */
const writes = (row: Row) => api[row.operation].scope !== 'readonly'

/** A definition for a caller that can only read. */
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
 * What a tool answers, failures included: clients made with the SDK of 2025 hold those to the schema too. What is not
 * an object stands in `result`. It is told one level deep, as the rest shows in each answer.
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

/** Objects within the first ones are left open. */
function shallow(schema: unknown, inside = false): unknown {
  if (Array.isArray(schema)) return schema.map((item) => shallow(item, inside))
  if (typeof schema !== 'object' || schema === null) return schema
  const { properties, required, ...rest } = schema as Converted
  const open = Object.fromEntries(Object.entries(rest).map(([key, value]) => [key, shallow(value, inside)]))
  if (properties === undefined || inside) return open
  const told = Object.entries(properties).map(([name, value]) => [name, shallow(value, true)])
  return { ...open, properties: Object.fromEntries(told), required }
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
      // Any value of SQLite: saying so each time takes a hundred tokens.
      if (zodSchema === shapes.Value || zodSchema === shapes.Param) delete jsonSchema.anyOf
    },
  })
  return tidy(json, io) as Converted
}

/** Leaves out what costs an agent tokens and tells it nothing: what is refused says why. */
function tidy(schema: unknown, io: 'input' | 'output'): unknown {
  if (Array.isArray(schema)) return schema.map((item) => tidy(item, io))
  if (typeof schema !== 'object' || schema === null) return schema
  // Only a shape that is made of itself is referred to: any JSON value.
  if ('$ref' in schema) return {}
  const rest = { ...(schema as Record<string, unknown>) }
  if (rest.minimum === Number.MIN_SAFE_INTEGER) delete rest.minimum
  if (rest.maximum === Number.MAX_SAFE_INTEGER) delete rest.maximum
  if (rest.minLength === 1) delete rest.minLength
  if (rest.minItems === 1) delete rest.minItems
  if (rest.format !== undefined) delete rest.pattern
  if (rest.format === 'base64') delete rest.format
  // An answer may get more fields one day without breaking anybody.
  if (io === 'output' && rest.additionalProperties === false) delete rest.additionalProperties
  return Object.fromEntries(Object.entries(rest).map(([key, value]) => [key, tidy(value, io)]))
}
