/** A JSON Schema of the OpenAPI document. */
interface Schema {
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

interface Parameter {
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

interface Operation {
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
  readonly components: { readonly [kind: string]: { readonly [name: string]: unknown } }
}

interface Page {
  readonly title: string
  readonly intro: string
  readonly tags: readonly string[]
}

/** The pages by their file name. Each tag is on one of them. */
export const apiPages: { readonly [name: string]: Page } = {
  sql: {
    title: 'SQL operations',
    intro: 'Run statements and batches, check them before they run, and cancel long reads.',
    tags: ['sql', 'queries', 'propose', 'apply'],
  },
  databases: {
    title: 'Database operations',
    intro: 'Create, list and delete databases, and change their settings and quotas.',
    tags: ['databases', 'settings', 'quotas'],
  },
  schema: {
    title: 'Schema operations',
    intro: 'Read, describe, search and check the schema of a database.',
    tags: ['schema', 'schema_changes', 'describe', 'ai', 'search', 'doctor'],
  },
  migrations: { title: 'Migration operations', intro: 'Save, check and apply schema changes.', tags: ['migrations'] },
  branches: {
    title: 'Branch and snapshot operations',
    intro: 'Branch, merge, fork, snapshot and restore a database.',
    tags: ['branches', 'claim_branch', 'handoff', 'fork', 'snapshots', 'restore'],
  },
  transfer: {
    title: 'Import and export operations',
    intro: 'Move rows and whole databases.',
    tags: ['import', 'export'],
  },
  changes: {
    title: 'Change operations',
    intro: 'Get notified of changes, and run statements on a schedule.',
    tags: ['subscribe', 'wait_for_changes', 'webhooks', 'schedules'],
  },
  endpoints: {
    title: 'Endpoint operations',
    intro: 'Publish statements as HTTP APIs, on your own hostnames.',
    tags: ['endpoints', 'session_key', 'hostnames'],
  },
  approvals: {
    title: 'Approval operations',
    intro: 'Hold writes until a person approves them.',
    tags: ['approval_rules', 'approvals', 'redeem_approval'],
  },
  insights: {
    title: 'Insight operations',
    intro: 'Find slow statements, ask questions, and save queries.',
    tags: ['insights', 'ask', 'saved', 'shares'],
  },
  access: {
    title: 'Access operations',
    intro: 'Tokens, sessions, members, invitations, OAuth grants and the audit log.',
    tags: ['tokens', 'sessions', 'members', 'invitations', 'oauth_grants', 'audit'],
  },
  namespaces: {
    title: 'Namespace operations',
    intro: 'Namespaces, billing, client packages and the operator of an instance.',
    tags: ['namespaces', 'billing', 'status', 'operator', 'packages'],
  },
}

/** Returns the Markdown of a page of the HTTP API. */
export function formatApiPage(document: ApiDocument, { title, intro, tags }: Page): string {
  const operations = listOperations(document).filter(({ operation }) =>
    operation.tags.some((tag) => tags.includes(tag)),
  )
  const common = findCommonCodes(document)
  const sections = operations.map((each) => new Section(document, each, common).format())
  return `${[
    `# ${title}`,
    intro,
    'This page is generated from `GET /api/openapi.json`. In the calls, `…` stands for a value. For the form of responses and errors, see [HTTP API](../api.md).',
    `Every operation can fail with ${list([...common])}. The sections list further errors.`,
    ...sections,
  ].join('\n\n')}\n`
}

/** Returns the codes of errors that each operation for tokens has. */
function findCommonCodes(document: ApiDocument): ReadonlySet<string> {
  const all = listOperations(document).filter(({ routes }) => routes.some(({ path }) => path.startsWith('/v1/db/')))
  const [first = new Set<string>(), ...others] = all.map((each) => new Set(new Section(document, each).codes.keys()))
  return new Set([...first].filter((code) => others.every((codes) => codes.has(code))))
}

const list = (codes: readonly string[]) =>
  codes
    .map((code) => `\`${code}\``)
    .join(', ')
    .replace(/, ([^,]*)$/, ' or $1')

interface Route {
  readonly operation: Operation
  readonly routes: readonly { readonly method: string; readonly path: string }[]
}

/** Lists the operations, each with its routes: for tokens first, then for the console. */
function listOperations({ paths }: ApiDocument): Route[] {
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

const NAMES: { readonly [parameter: string]: string } = { ns: 'acme', db: 'main' }

/** The section of one operation. */
class Section {
  readonly #document: ApiDocument
  readonly #route: Route
  readonly #common: ReadonlySet<string>

  constructor(document: ApiDocument, route: Route, common: ReadonlySet<string> = new Set()) {
    this.#document = document
    this.#route = route
    this.#common = common
  }

  /** The codes of its errors, with their statuses. */
  get codes(): ReadonlyMap<string, string> {
    const found = Object.entries(this.#route.operation.responses).flatMap(([status, response]) => {
      const schema = this.#resolve(toSchema(response))
      const codes = [schema, ...(schema?.allOf ?? [])].flatMap((each) => listCodes(each))
      return Number(status) < 400 ? [] : codes.map((code) => [String(code), status] as const)
    })
    return new Map(found)
  }

  format(): string {
    const { operation, routes } = this.#route
    const body = this.#resolve(toSchema(operation.requestBody))
    const { data } = this.#resolve(toSchema(operation.responses['200']))?.properties ?? {}
    return [
      `## ${operation.summary}`,
      routes.map(({ method, path }) => `\`${method} ${path}\``).join(' · '),
      operation.description,
      this.#formatParameters(),
      body?.properties && `${this.#formatFields(body)}`,
      this.#formatCall(body),
      data && `Returns:\n\n\`\`\`ts\n${this.#toType(data)}\n\`\`\``,
      this.#formatErrors(),
    ]
      .filter(Boolean)
      .join('\n\n')
  }

  #formatParameters(): string {
    const own = (this.#route.operation.parameters ?? []).map((each) => this.#resolve(each) as Parameter)
    const rows = own
      .filter(({ name }) => !Object.hasOwn(NAMES, name))
      .map(({ name, in: place, required, schema, description }) => [
        `\`${name}\``,
        place,
        this.#toCell(schema, required ? undefined : 'optional', description),
      ])
    return rows.length === 0 ? '' : toTable([['Parameter', 'In', 'Value'], ...rows])
  }

  #formatFields({ properties = {}, required = [] }: Schema): string {
    const rows = Object.entries(properties).map(([name, schema]) => [
      `\`${name}\``,
      this.#toCell(schema, required.includes(name) ? undefined : 'optional'),
    ])
    return toTable([['Field', 'Value'], ...rows])
  }

  #toCell(schema: Schema, note?: string, description = schema.description): string {
    const resolved = this.#resolve(schema) ?? {}
    const type = `\`${inOneLine(this.#toType(schema))}\``
    const facts = [type, ...limits(resolved), note].filter(Boolean).join(', ')
    return [facts, description].filter(Boolean).join('. ').replaceAll('|', '\\|')
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

  #formatErrors(): string {
    const own = [...this.codes].filter(([code]) => !this.#common.has(code))
    return own.length === 0 ? '' : `Errors: ${own.map(([code, status]) => `\`${code}\` (${status})`).join(', ')}.`
  }

  #resolve<T extends { readonly $ref?: string | undefined }>(value: T | undefined): T | undefined {
    if (value?.$ref === undefined) return value
    const [kind = '', name = ''] = value.$ref.replace('#/components/', '').split('/')
    return this.#resolve(this.#document.components[kind]?.[name] as T)
  }

  /** Returns a schema as a TypeScript type. */
  #toType(schema: Schema, indent = '', depth = 0): string {
    const resolved = this.#resolve(schema) ?? {}
    const inner = (each: Schema) => this.#toType(each, indent, depth + 1)
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
        typeof additionalProperties === 'object' ? this.#toType(additionalProperties, indent, depth + 1) : 'unknown'
      return `{ [name: string]: ${value} }`
    }
    const [only, ...others] = Object.entries(properties)
    if (only && others.length === 0 && depth > 0) {
      return `{ ${only[0]}${required.length > 0 ? '' : '?'}: ${this.#toType(only[1], indent, depth + 1)} }`
    }
    const further = `${indent}  `
    const lines = Object.entries(properties).map(
      ([name, schema]) =>
        `${further}${name}${required.includes(name) ? '' : '?'}: ${this.#toType(schema, further, depth + 1)}`,
    )
    return `{\n${lines.join('\n')}\n${indent}}`
  }

  /** Returns a value with the required fields. */
  #example(schema: Schema): unknown {
    const resolved = this.#resolve(schema) ?? {}
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

/** Lists the codes of an error's schema. */
function listCodes({ properties: { code } = {} }: Schema = {}): readonly unknown[] {
  return code?.enum ?? []
}

const inOneLine = (type: string) =>
  type
    .replace(/\{\n\s+/g, '{ ')
    .replace(/\n\s*\}/g, ' }')
    .replace(/\n\s*/g, '; ')

const toSchema = (content: Content | undefined): Schema | undefined => content?.content?.['application/json']?.schema

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

const toTable = ([head = [], ...rows]: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
