import type { RunSql } from './schema-map.ts'
import { isInternal } from './system-tables.ts'

/** A table, index, view or trigger as `sqlite_master` has it. */
export interface SchemaObject {
  readonly type: string
  readonly name: string
  readonly table: string
  readonly root: number
  readonly sql: string | null
}

/** How an object differs from before; `from` is the name it had. */
export interface ObjectChange {
  readonly type: string
  readonly name: string
  readonly change: 'added' | 'removed' | 'changed' | 'renamed'
  readonly from?: string
}

/** All objects of the tenant. */
export const readObjects = (run: RunSql): SchemaObject[] =>
  (run('SELECT type, name, tbl_name, rootpage, sql FROM sqlite_master') as [string, string, string, number, string][])
    .filter(([, name]) => !isInternal(name))
    .map(([type, name, table, root, sql]) => ({ type, name, table, root, sql }))

/** The difference by name: something renamed is removed and added. */
export function diffObjects(before: readonly SchemaObject[], after: readonly SchemaObject[]) {
  const known = new Map(before.map((object) => [keyOf(object), object]))
  const left = new Set(after.map(keyOf))
  return {
    added: after.filter((object) => !known.has(keyOf(object))),
    removed: before.filter((object) => !left.has(keyOf(object))),
    changed: after.filter((object) => {
      const was = known.get(keyOf(object))
      return was !== undefined && (was.sql !== object.sql || was.table !== object.table)
    }),
  }
}

/** What one statement changed. It never gives a new object the root page of one it removed, so who keeps that was renamed. */
export function diffOfStatement(before: readonly SchemaObject[], after: readonly SchemaObject[]): ObjectChange[] {
  const { added, removed, changed } = diffObjects(before, after)
  const former = (object: SchemaObject) =>
    removed.find(({ type, root }) => root !== 0 && root === object.root && type === object.type)
  const renamed = new Set(added.map(former))
  return [
    ...added.map((object): ObjectChange => {
      const from = former(object)?.name
      return { ...named(object), ...(from === undefined ? { change: 'added' } : { change: 'renamed', from }) }
    }),
    ...removed
      .filter((object) => !renamed.has(object))
      .map((object) => ({ ...named(object), change: 'removed' as const })),
    ...changed.map((object) => ({ ...named(object), change: 'changed' as const })),
  ]
}

/** Tables and views that were made, changed or dropped, or whose indexes and triggers were. */
export function tablesChanged(before: readonly SchemaObject[], after: readonly SchemaObject[]): string[] {
  const { added, removed, changed } = diffObjects(before, after)
  return [...new Set([...added, ...removed, ...changed].map(({ table }) => table))].sort()
}

/** An object by its type and name alone. */
export const named = ({ type, name }: SchemaObject) => ({ type, name })

const keyOf = ({ type, name }: SchemaObject) => `${type} ${name}`
