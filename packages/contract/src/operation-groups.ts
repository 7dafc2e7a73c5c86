import { approvals } from './approvals.ts'
import { assistant } from './assistant.ts'
import { billing } from './billing.ts'
import { branches } from './branches.ts'
import { changes } from './changes.ts'
import { databases } from './databases.ts'
import { describe } from './describe.ts'
import { endpoints } from './endpoints.ts'
import { hostnames } from './hostnames.ts'
import { advice } from './index-advice.ts'
import { insights } from './insights.ts'
import { merges } from './merges.ts'
import { migrations } from './migrations.ts'
import type { Operation } from './operation.ts'
import { proposals } from './proposals.ts'
import { query } from './query.ts'
import { quotaOperations } from './quotas.ts'
import { savedQueries } from './saved-queries.ts'
import { schedules } from './schedules.ts'
import { snapshots } from './snapshots.ts'
import { tokens } from './tokens.ts'
import { transactions } from './transactions.ts'
import { transfer } from './transfer.ts'
import { webhooks } from './webhooks.ts'

const roles = ['readonly', 'readwrite', 'admin'] as const

/** Operations of each resource. */
const resources = {
  statements: { ...query, ...transactions },
  databases,
  branches: { ...branches, ...merges },
  snapshots,
  migrations,
  transfer,
  descriptions: describe,
  endpoints,
  hostnames,
  changes,
  webhooks,
  schedules,
  saved_queries: savedQueries,
  approvals: { ...approvals, ...proposals },
  assistant,
  insights: { ...insights, ...advice },
  tokens,
  billing: { ...billing, ...quotaOperations },
} satisfies Record<string, Record<string, Operation>>

const forTokens = (operations: Record<string, Operation>) =>
  Object.entries(operations).filter(([, { scope }]) => (roles as readonly string[]).includes(scope))

const all = new Map(Object.values(resources).flatMap((operations: Record<string, Operation>) => forTokens(operations)))
const statements = forTokens(resources.statements)
/** Operations on databases, without those on the namespace. */
const onDatabases = [...all].filter(([, { route, pinned }]) => route.includes('{db}') || pinned === true)

const names = (operations: readonly (readonly [string, Operation])[]) => [...new Set(operations.map(([name]) => name))]

/**
 * The groups of operations that a token can be limited to: `read`, `write` and `schema` of databases, and one for each resource.
 * The role of the token decides what its statements can do.
 */
export const operationGroups: Readonly<Record<string, readonly string[]>> = {
  read: names(onDatabases.filter(([, { scope }]) => scope === 'readonly')),
  write: names([...statements, ...onDatabases.filter(([, { scope }]) => scope === 'readwrite')]),
  schema: names([...statements, ...forTokens(resources.migrations), ...forTokens(resources.descriptions)]),
  ...Object.fromEntries(
    Object.entries(resources).map(([group, operations]: [string, Record<string, Operation>]) => [
      group,
      names(forTokens(operations)),
    ]),
  ),
}

/** Returns the operations that names of operations and groups stand for, sorted, or the first unknown name. */
export function expandOperations(
  given: readonly string[],
): { readonly operations: string[] } | { readonly unknown: string } {
  const unknown = given.find((name) => !Object.hasOwn(operationGroups, name) && !all.has(name))
  if (unknown !== undefined) return { unknown }
  // A group can have the name of an operation. The group includes the operation.
  const operations = given.flatMap((name) =>
    Object.hasOwn(operationGroups, name) ? (operationGroups[name] ?? []) : [name],
  )
  return { operations: [...new Set(operations)].sort() }
}

/** Returns the lowest token role that is sufficient for all of these operations. */
export function getNeededRole(operations: readonly string[]): (typeof roles)[number] {
  const ranks = operations.map((name) => roles.indexOf(all.get(name)?.scope as (typeof roles)[number]))
  return roles[Math.max(0, ...ranks)] as (typeof roles)[number]
}
