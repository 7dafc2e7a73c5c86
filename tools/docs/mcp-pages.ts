import { coreDefinitions } from '../../apps/platform/src/mcp/core-definitions.ts'
import { guide } from '../../apps/platform/src/mcp/guide.ts'
import { getPrompt, prompts } from '../../apps/platform/src/mcp/prompts.ts'
import { guideResource, resourceTemplates } from '../../apps/platform/src/mcp/resource-list.ts'
import { type Group, groups } from '../../apps/platform/src/mcp/tool-table.ts'
import { type Definition, getTool, type Tool, toolNames } from '../../apps/platform/src/mcp/tools.ts'
import {
  type ApiDocument,
  bodyCodes,
  findCommonCodes,
  formatErrors,
  type Operation,
  readCodes,
  toSchema,
} from './api-operations.ts'
import { findApiPage } from './api-pages.ts'
import { toAnchor } from './pages.ts'
import { type Schema, SchemaTypes } from './schema-types.ts'
import { formatTable } from './table.ts'

const NOTE =
  'This page is generated from the sources of the MCP server. For arguments, results and failures, see [MCP tools](../mcp-tools.md).'

const titles: Readonly<Record<Group, readonly [title: string, intro: string]>> = {
  core: ['Core tools', 'Statements, schema, search, proposals, approvals and changes: the group `core`.'],
  branches: ['Branch tools', 'Branches, forks, snapshots, restores and migrations: the group `branches`.'],
  endpoints: ['Endpoint tools', 'Public endpoints, their sessions and hostnames: the group `endpoints`.'],
  billing: ['Billing tools', 'Use, quotas and balance: the group `billing`.'],
  admin: ['Administration tools', 'Databases, tokens, rules, webhooks and schedules: the group `admin`.'],
}

/** Returns the pages of the MCP reference by their file names. */
export function formatMcpPages(document: ApiDocument): ReadonlyMap<string, string> {
  const sections = new ToolSections(document)
  const tools = toolNames(false).map((name) => getTool(name) as Tool)
  const ofGroups = groups.map((group) => {
    const own = tools.filter((tool) => tool.group === group)
    return [
      group,
      toPage(
        ...titles[group],
        own.map((tool) => sections.ofTool(tool)),
      ),
    ] as const
  })
  return new Map([['short-list', formatShortList(sections)], ...ofGroups, ['resources', formatResources()]])
}

const toPage = (title: string, intro: string, sections: readonly string[]) =>
  `${[`# ${title}`, intro, NOTE, ...sections].join('\n\n')}\n`

function formatShortList(sections: ToolSections): string {
  const intro =
    'The tools that `tools/list` returns for `/mcp` without `?tools=`, besides `query` and `batch` of the [core tools](core.md).'
  return toPage(
    'Short list',
    intro,
    Object.values(coreDefinitions).map((definition) => sections.ofCoreTool(definition)),
  )
}

/** Formats the section of each tool. */
class ToolSections {
  readonly #document: ApiDocument
  readonly #types: SchemaTypes
  readonly #commonCodes: ReadonlySet<string>
  readonly #operations: ReadonlyMap<string, Operation>

  constructor(document: ApiDocument) {
    this.#document = document
    this.#types = new SchemaTypes(document.components)
    this.#commonCodes = new Set([...findCommonCodes(document), ...bodyCodes])
    const operations = Object.values(document.paths).flatMap((item) => Object.values(item))
    this.#operations = new Map(operations.map((operation) => [operation.operationId, operation]))
  }

  ofTool({ definition, operation: { scope }, row }: Tool): string {
    const operation = this.#operations.get(row.operation) as Operation
    const link = `[${operation.summary}](../api/${findApiPage(operation)}.md#${toAnchor(operation.summary)})`
    const errors = formatErrors(readCodes(this.#document, operation), this.#commonCodes)
    return [
      ...this.#describe(definition),
      `Token role: \`${scope}\` or higher. ${formatAnnotations(definition)}`,
      formatType(this.#types.toType(this.#toResult(definition, operation))),
      `Operation: ${link}. ${errors}`.trim(),
    ].join('\n\n')
  }

  ofCoreTool(definition: Definition): string {
    const { error: _error, ...properties } = (definition.outputSchema as Schema).properties ?? {}
    const result = Object.keys(properties).length > 0 ? this.#types.toType({ type: 'object', properties }) : undefined
    return [
      ...this.#describe(definition),
      formatAnnotations(definition),
      result ? formatType(result) : 'Returns the result of the tool.',
    ].join('\n\n')
  }

  #describe({ name, description, inputSchema }: Definition): string[] {
    const { properties = {}, required = [] } = inputSchema as Schema
    const rows = Object.entries(properties).map(([argument, schema]) => [
      `\`${argument}\``,
      this.#types.toCell(schema, required.includes(argument) ? undefined : 'optional'),
    ])
    const table = rows.length > 0 ? formatTable([['Argument', 'Value'], ...rows]) : 'No arguments.'
    return [`## ${name}`, `${description}.`, table]
  }

  /** Returns the schema of \`structuredContent\`: the data of the operation, or an object with a list in \`result\`. */
  #toResult({ outputSchema }: Definition, operation: Operation): Schema {
    const { data = {} } = this.#types.resolve(toSchema(operation.responses['200']))?.properties ?? {}
    const { properties = {} } = outputSchema as Schema
    if (!('result' in properties)) return data
    const { error: _error, result: _result, ...page } = properties
    return { type: 'object', properties: { result: data, ...page }, required: ['result', ...Object.keys(page)] }
  }
}

/** Formats the annotations that are set: `readOnlyHint: true`. */
function formatAnnotations({ annotations }: Definition): string {
  const hints = Object.entries(annotations).map(([name, value]) => `\`${name}: ${value}\``)
  return `Annotations: ${hints.join(', ')}.`
}

const formatType = (type: string) => `Returns:\n\n\`\`\`ts\n${type}\n\`\`\``

function formatResources(): string {
  const rows = [{ ...guideResource, uriTemplate: guideResource.uri }, ...resourceTemplates].map(
    ({ uriTemplate, title, description, mimeType }) => [`\`${uriTemplate}\``, `${title}: ${description}`, mimeType],
  )
  const recipes = prompts.map(({ name, description = '', arguments: given = [] }) => {
    const values = Object.fromEntries(given.map((argument) => [argument.name, `{${argument.name}}`]))
    const [message] = getPrompt(name, values).messages
    const text = message?.content.type === 'text' ? message.content.text : ''
    return [
      `### ${name}`,
      `${description}.`,
      formatTable([['Argument', 'Value'], ...given.map((each) => [`\`${each.name}\``, each.description ?? ''])]),
      formatText(text),
    ].join('\n\n')
  })
  return toPage(
    'Resources and prompts',
    'The resources that an AI model can read, and the prompts that a user can choose.',
    [
      '## Resources',
      formatTable([['URI', 'Content', 'Type'], ...rows]),
      `The text of \`${guideResource.uri}\`:`,
      formatText(guide.trim()),
      '## Prompts',
      ...recipes,
    ],
  )
}

const formatText = (text: string) => `\`\`\`text\n${text}\n\`\`\``
