import {
  type ApiDocument,
  findCommonCodes,
  formatCodes,
  formatErrors,
  listOperations,
  type Operation,
  type Parameter,
  type Route,
  readCodes,
  toSchema,
} from './api-operations.ts'
import { type Schema, SchemaTypes } from './schema-types.ts'

interface Page {
  readonly title: string
  readonly intro: string
  /** Links to the pages that explain the fields. */
  readonly guides: string
  readonly tags: readonly string[]
}

/** The pages by their file name. Each tag is on one of them. */
export const apiPages: { readonly [name: string]: Page } = {
  sql: {
    title: 'SQL operations',
    intro: 'Run statements and batches, check them before they run, and cancel long reads.',
    guides:
      '[SQL](../sql.md), [transactions](../../concepts/transactions.md) and [long reads](../../concepts/databases.md#long-reads)',
    tags: ['sql', 'queries', 'script', 'transactions', 'propose', 'apply'],
  },
  databases: {
    title: 'Database operations',
    intro: 'Create, list and delete databases, and change their settings and quotas.',
    guides: '[databases](../../concepts/databases.md) and [quotas](../limits.md#quotas)',
    tags: ['databases', 'settings', 'quotas'],
  },
  schema: {
    title: 'Schema operations',
    intro: 'Read, describe, search and check the schema of a database, generate SQL, and find missing indexes.',
    guides:
      '[schema quality](../../guides/schema-quality.md), [Ask AI](../../guides/ask-ai.md) and [slow queries](../../guides/slow-queries.md#index-suggestions)',
    tags: ['schema', 'schema_changes', 'describe', 'ai', 'search', 'doctor'],
  },
  migrations: {
    title: 'Migration operations',
    intro: 'Save, check and apply schema changes.',
    guides: '[migrations](../../guides/migrations.md)',
    tags: ['migrations'],
  },
  branches: {
    title: 'Branch and snapshot operations',
    intro: 'Branch, merge, fork, snapshot and restore a database.',
    guides:
      '[branches, forks and snapshots](../../concepts/branches.md) and [merge a branch](../../guides/merge-branches.md)',
    tags: ['branches', 'claim_branch', 'handoff', 'fork', 'snapshots', 'restore'],
  },
  transfer: {
    title: 'Import and export operations',
    intro: 'Move rows and whole databases.',
    guides: '[import and export](../../guides/import-export.md)',
    tags: ['import', 'export'],
  },
  changes: {
    title: 'Change operations',
    intro: 'Get notified of changes, and run statements on a schedule.',
    guides:
      '[the change feed](../../guides/realtime.md), [webhooks](../../guides/webhooks.md) and [schedules](../../guides/schedules.md)',
    tags: ['subscribe', 'wait_for_changes', 'webhooks', 'schedules'],
  },
  endpoints: {
    title: 'Endpoint operations',
    intro: 'Publish statements as HTTP APIs, on your own hostnames.',
    guides:
      '[public endpoints](../../guides/public-endpoints.md), [sign-in](../../guides/sign-in-for-your-app.md) and [custom hostnames](../../guides/custom-hostnames.md)',
    tags: ['endpoints', 'session_key', 'hostnames'],
  },
  approvals: {
    title: 'Approval operations',
    intro: 'Hold writes until a person approves them.',
    guides: '[approvals](../../guides/agents-with-approvals.md)',
    tags: ['approval_rules', 'approvals', 'redeem_approval'],
  },
  insights: {
    title: 'Insight operations',
    intro: 'Find slow statements, ask questions, and save queries.',
    guides:
      '[slow queries](../../guides/slow-queries.md), [Ask AI](../../guides/ask-ai.md) and [saved queries](../api.md#saved-queries)',
    tags: ['insights', 'ask', 'saved'],
  },
  access: {
    title: 'Access operations',
    intro: 'Tokens, sessions, members, shared databases, invitations, OAuth grants and the audit log.',
    guides:
      '[access](../../concepts/access.md), [tokens in browsers](../../guides/browsers.md) and [OAuth apps](../../guides/oauth-apps.md)',
    tags: ['tokens', 'sessions', 'members', 'shares', 'invitations', 'oauth_grants', 'audit'],
  },
  namespaces: {
    title: 'Namespace operations',
    intro: 'Namespaces, billing, client packages and the operator of an instance.',
    guides: '[billing](../../concepts/billing.md) and [operator commands](../../self-hosting/operator.md)',
    tags: ['namespaces', 'billing', 'status', 'operator', 'packages'],
  },
}

/** Returns the name of the page of an operation. @throws Error if no page has its tag */
export function findApiPage({ tags, summary }: Operation): string {
  const [name] = Object.entries(apiPages).find(([, page]) => tags.some((tag) => page.tags.includes(tag))) ?? []
  if (name === undefined) throw new Error(`No page has the operation "${summary}".`)
  return name
}

/** Returns the Markdown of a page of the HTTP API. */
export function formatApiPage(document: ApiDocument, { title, intro, guides, tags }: Page): string {
  const operations = listOperations(document).filter(({ operation }) =>
    operation.tags.some((tag) => tags.includes(tag)),
  )
  const common = findCommonCodes(document)
  const sections = operations.map((each) => new Section(document, each, common).format())
  return `${[
    `# ${title}`,
    intro,
    'This page is generated from `GET /api/openapi.json`. In the calls, `…` stands for a value. For the form of responses and errors, see [HTTP API](../api.md).',
    `For the meaning of the fields, see ${guides}.`,
    `Every operation can fail with ${formatCodes([...common])}. The sections list further errors.`,
    ...sections,
  ].join('\n\n')}\n`
}

const NAMES: { readonly [parameter: string]: string } = { ns: 'acme', db: 'main' }

/** The section of one operation. */
class Section {
  readonly #document: ApiDocument
  readonly #types: SchemaTypes
  readonly #route: Route
  readonly #common: ReadonlySet<string>

  constructor(document: ApiDocument, route: Route, common: ReadonlySet<string>) {
    this.#document = document
    this.#types = new SchemaTypes(document.components)
    this.#route = route
    this.#common = common
  }

  format(): string {
    const { operation, routes } = this.#route
    const body = this.#types.resolve(toSchema(operation.requestBody))
    const response = operation.responses['200'] ?? operation.responses['201']
    const { data } = this.#types.resolve(toSchema(response))?.properties ?? {}
    return [
      `## ${operation.summary}`,
      routes.map(({ method, path }) => `\`${method} ${path}\``).join(' · '),
      operation.description,
      this.#formatParameters(),
      body?.properties && `${this.#formatFields(body)}`,
      this.#formatCall(body),
      data && `Returns:\n\n\`\`\`ts\n${this.#types.toType(data)}\n\`\`\``,
      formatErrors(readCodes(this.#document, operation), this.#common),
    ]
      .filter(Boolean)
      .join('\n\n')
  }

  #formatParameters(): string {
    const own = (this.#route.operation.parameters ?? []).map((each) => this.#types.resolve(each) as Parameter)
    const rows = own
      .filter(({ name }) => !Object.hasOwn(NAMES, name))
      .map(({ name, in: place, required, schema, description }) => [
        `\`${name}\``,
        place,
        this.#types.toCell(schema, required ? undefined : 'optional', description),
      ])
    return rows.length === 0 ? '' : toTable([['Parameter', 'In', 'Value'], ...rows])
  }

  #formatFields({ properties = {}, required = [] }: Schema): string {
    const rows = Object.entries(properties).map(([name, schema]) => [
      `\`${name}\``,
      this.#types.toCell(schema, required.includes(name) ? undefined : 'optional'),
    ])
    return toTable([['Field', 'Value'], ...rows])
  }

  /** A call that shows the fields that are required. */
  #formatCall(body: Schema | undefined): string {
    const [{ method, path } = { method: 'GET', path: '' }] = this.#route.routes
    const url = `http://127.0.0.1:8787${path.replace(/\{(\w+)\}/g, (whole, name: string) => NAMES[name] ?? whole)}`
    const isForToken = path.startsWith('/v1')
    const lines = [
      `curl ${method === 'GET' || (method === 'POST' && body) ? '' : `-X ${method} `}${/[{?]/.test(url) ? `'${url}'` : url}`,
      isForToken ? '-H "Authorization: Bearer $TOKEN"' : undefined,
      body?.properties ? `-d '${JSON.stringify(this.#example(body))}'` : undefined,
    ]
    return isForToken ? `\`\`\`sh\n${lines.filter(Boolean).join(' \\\n  ')}\n\`\`\`` : ''
  }

  /** Returns a value with the required fields. */
  #example(schema: Schema): unknown {
    const resolved = this.#types.resolve(schema) ?? {}
    const first = (resolved.anyOf ?? resolved.oneOf)?.[0]
    if (first) return this.#example(first)
    if (resolved.const !== undefined) return resolved.const
    if (resolved.enum) return resolved.enum[0]
    if (resolved.type === 'object') {
      const names = resolved.required ?? []
      return Object.fromEntries(names.map((name) => [name, this.#example(resolved.properties?.[name] ?? {})]))
    }
    if (resolved.type === 'array') return resolved.items ? [this.#example(resolved.items)] : []
    if (resolved.type === 'integer' || resolved.type === 'number') return Math.max(resolved.minimum ?? 1, 1)
    return resolved.type === 'boolean' ? true : '…'
  }
}

const toTable = ([head = [], ...rows]: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
