import type { RunSql } from './schema-map.ts'
import { isInternal } from './system-tables.ts'

/** A table, index, view or trigger in `sqlite_master`. */
export interface SchemaObject {
  readonly type: string
  readonly name: string
  readonly table: string
  readonly root: number
  readonly sql: string | null
}

/** The difference between two versions of an object. `from` is its previous name. */
export interface ObjectChange {
  readonly type: string
  readonly name: string
  readonly change: 'added' | 'removed' | 'changed' | 'renamed'
  readonly from?: string
}

/** Returns all objects of the tenant. */
export const readObjects = (run: RunSql): SchemaObject[] =>
  (run('SELECT type, name, tbl_name, rootpage, sql FROM sqlite_master') as [string, string, string, number, string][])
    .filter(([, name]) => !isInternal(name))
    .map(([type, name, table, root, sql]) => ({ type, name, table, root, sql }))

/** Returns the difference by name. A renamed object is removed and added. */
export function diffObjects(before: readonly SchemaObject[], after: readonly SchemaObject[]) {
  const known = new Map(before.map((object) => [toKey(object), object]))
  const left = new Set(after.map(toKey))
  return {
    added: after.filter((object) => !known.has(toKey(object))),
    removed: before.filter((object) => !left.has(toKey(object))),
    changed: after.filter((object) => {
      const was = known.get(toKey(object))
      return was !== undefined && (was.sql !== object.sql || was.table !== object.table)
    }),
  }
}

/**
 * Returns the difference that one statement made. A new object never gets the root page that the same statement freed,
 * so an object with a known root page was renamed.
 */
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

/** Returns the tables and views that changed, including changes to their indexes and triggers. */
export function tablesChanged(before: readonly SchemaObject[], after: readonly SchemaObject[]): string[] {
  const { added, removed, changed } = diffObjects(before, after)
  return [...new Set([...added, ...removed, ...changed].map(({ table }) => table))].sort()
}

/** Returns the type and name of an object. */
export const named = ({ type, name }: SchemaObject) => ({ type, name })

const toKey = ({ type, name }: SchemaObject) => `${type} ${name}`
