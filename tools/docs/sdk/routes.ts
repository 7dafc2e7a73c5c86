import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseSync } from 'vite'
import { toFullRoute } from '../../../packages/sdk/src/bind-routes.ts'
import { ofDatabase, ofNamespace } from '../../../packages/sdk/src/routes.ts'
import { root } from '../pages.ts'
import type { Node } from './declarations.ts'

/** A call of the API: its method and its path below `/v1/` or `/v1/db/{ns}/{db}/`. */
export type Call = readonly [method: string, path: string]

const ROUTE = /^(GET|POST|PUT|PATCH|DELETE)\W* ([\w/*-]+)/

/** The calls of an interactive transaction, whose paths contain its ID. */
const TRANSACTION: readonly Call[] = ['', '/*/statements', '/*/commit', '/*/rollback'].map((rest) => [
  'POST',
  `transactions${rest}`,
])

/** Returns the calls that each method makes, such as those of `PerSQLDatabase.query` or `branches.claim`. */
export function readCalls(): ReadonlyMap<string, readonly Call[]> {
  const found = new Map<string, readonly Call[]>()
  for (const [resource, methods] of Object.entries({ ...ofNamespace, ...ofDatabase })) {
    for (const [method, route] of Object.entries(methods))
      found.set(`${resource}.${method}`, listRoutes(toFullRoute(route, resource)))
  }
  // `poll` gets the approval again and again.
  found.set('approvals.poll', found.get('approvals.get') ?? [])
  for (const module of ['client.ts', 'database.ts']) {
    for (const [name, calls] of readClasses(module)) found.set(name, calls)
  }
  for (const method of ['begin', 'transaction']) {
    const name = `PerSQLDatabase.${method}`
    found.set(name, [...TRANSACTION, ...(found.get(name) ?? [])])
  }
  return found
}

const listRoutes = (text: string): Call[] => {
  const [, method, path] = ROUTE.exec(text) ?? []
  return method && path ? [[method, path]] : []
}

interface Body {
  readonly calls: Call[]
  /** The methods of the same object that it calls. */
  readonly others: string[]
}

function readClasses(module: string): Map<string, readonly Call[]> {
  const bodies = new Map<string, Body>()
  for (const node of parse(module)) {
    const { type, id, body } = (node.declaration ?? node) as Node
    if (type !== 'ClassDeclaration') continue
    for (const member of (body as { body: Node[] }).body) {
      const name = `${(id as { name: string }).name}.${getKey(member)}`
      if (member.type === 'MethodDefinition') bodies.set(name, readBody(member))
    }
  }
  const collect = (name: string, seen: ReadonlySet<string> = new Set()): Call[] => {
    const { calls = [], others = [] } = bodies.get(name) ?? {}
    const [owner] = name.split('.')
    const inner = others.map((other) => `${owner}.${other}`).filter((other) => !seen.has(other))
    return [...calls, ...inner.flatMap((other) => collect(other, new Set([...seen, name])))]
  }
  return new Map([...bodies.keys()].map((name) => [name, unique(collect(name))]))
}

const unique = (calls: readonly Call[]) =>
  calls.filter((call, at) => calls.findIndex((c) => `${c}` === `${call}`) === at)

const parse = (module: string) => {
  const path = join(root, 'packages/sdk/src', module)
  return parseSync(path, readFileSync(path, 'utf8')).program.body as unknown as readonly Node[]
}

const getKey = ({ key }: Node) => {
  const { type, name } = key as { type: string; name: string }
  return type === 'PrivateIdentifier' ? `#${name}` : name
}

/** Finds routes in a method, also in modules that it loads. */
function readBody(member: Node): Body {
  const found: Body = { calls: [], others: [] }
  const visit = (value: unknown, isOwn: boolean): void => {
    if (Array.isArray(value)) for (const each of value) visit(each, isOwn)
    if (!isNode(value)) return
    if (value.type === 'Literal' && typeof value.value === 'string') found.calls.push(...listRoutes(value.value))
    if (value.type === 'ImportExpression') {
      // `this` is another object there.
      visit(parse((value.source as { value: string }).value.replace('./', '')), false)
    }
    if (isOwn && value.type === 'MemberExpression' && (value.object as Node).type === 'ThisExpression') {
      found.others.push(getKey({ ...value, key: value.property }))
    }
    for (const each of Object.values(value)) visit(each, isOwn)
  }
  visit(member.value, true)
  return found
}

const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null && 'type' in value
