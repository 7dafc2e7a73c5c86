import { api } from '@persql/contract'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { expect, test } from 'vitest'
import { exceptions, groups, table } from '../../apps/platform/src/mcp/tool-table.ts'
import { getTool, toolNames } from '../../apps/platform/src/mcp/tools.ts'

/** Scopes whose callers need no token, but a cookie or the operator's secret. */
const OTHER_DOORS = ['account', 'member', 'operator']
const operations = Object.entries(api)

test('every operation that a token may call is a tool, or an exception with a reason', () => {
  const tools = new Set(Object.values(table).map(({ operation }) => operation as string))
  const missing = operations
    .filter(([name, { scope }]) => !tools.has(name) && !OTHER_DOORS.includes(scope) && !Object.hasOwn(exceptions, name))
    .map(([name]) => name)
  expect(missing).toEqual([])
  const needless = Object.keys(exceptions).filter((name) => tools.has(name) || !Object.hasOwn(api, name))
  expect(needless).toEqual([])
})

test('tools have the names that the documentation gives them', () => {
  const names = `query batch ask topup_balance claim_branch delete_branch propose_mutation apply_mutation
    list_snapshots create_snapshot restore_snapshot restore_to_time`
  expect(toolNames(false)).toEqual(expect.arrayContaining(names.split(/\s+/)))
})

test('every tool has a description, annotations and valid schemas of objects, and names its database so', () => {
  const ajv = new Ajv2020({ strict: false })
  for (const name of toolNames(false)) {
    const { definition, group } = getTool(name) ?? {}
    expect(groups).toContain(group)
    expect(definition?.description, name).toMatch(/\w/)
    expect(definition?.annotations, name).toMatchObject({
      readOnlyHint: expect.any(Boolean),
      openWorldHint: expect.any(Boolean),
    })
    for (const schema of [definition?.inputSchema, definition?.outputSchema]) {
      expect(schema, name).toMatchObject({ type: 'object', properties: expect.any(Object) })
      expect(ajv.validateSchema(schema as object), `${name}: ${ajv.errorsText()}`).toBe(true)
    }
    expect(Object.keys(definition?.inputSchema.properties ?? {})).not.toEqual(expect.arrayContaining(['db']))
    expect(Object.keys(definition?.inputSchema.properties ?? {})).not.toEqual(expect.arrayContaining(['ns']))
  }
})

test('what a token for reading may call does not write, and what deletes says that it destroys', () => {
  for (const name of toolNames(false)) {
    const tool = getTool(name)
    if (tool?.definition.annotations.readOnlyHint) expect(tool.operation.scope, name).toBe('readonly')
    if (tool?.operation.route.startsWith('DELETE')) expect(tool.definition.annotations.destructiveHint).toBe(true)
  }
})
