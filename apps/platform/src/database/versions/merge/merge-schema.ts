import { lower, quoteName } from '../../../sqlite/identifiers.ts'
import { filling } from '../../../sqlite/rows.ts'
import { readSchemaText, type SchemaObject, type SchemaText } from '../../../sqlite/schema.ts'
import { isSame, toKey } from '../../../sqlite/schema-form.ts'
import type { RunSql } from '../../../sqlite/schema-map.ts'
import { getFullTextContent } from '../../../sqlite/table-shape.ts'
import { added, brokenPrograms, orphans } from './checks.ts'
import { readTableSql } from './merge-table-info.ts'
import { type RowOrigin, rebuild } from './rebuild.ts'
import { type Rename, resolveOriginalName } from './renames.ts'
import { IncompatibleChange, type MergeStep, MergeStepRunner, sentence } from './steps.ts'
import { addedColumns, isVirtual } from './table-text.ts'
import { byKey, type Change, createConflict, type SchemaConflict, threeWay } from './three-way.ts'

/** The schemas that a merge compares. */
export interface SchemaSides {
  readonly base: SchemaText
  readonly branch: SchemaText
  /** The renames in the branch since the base, newest first. */
  readonly renames: readonly Rename[]
}

/**
 * Applies the branch's schema changes since the base. Call it in a transaction with foreign keys off, and roll back if
 * it returns conflicts.
 * @param assumesRows whether all tables count as full, because their rows aren't here
 */
export function mergeSchema(
  run: RunSql,
  sides: SchemaSides,
  assumesRows = false,
): { steps: readonly MergeStep[]; clashes: readonly SchemaConflict[] } {
  const parent = readSchemaText(run)
  const { changes, clashes } = threeWay(sides.base, parent, sides.branch)
  if (clashes.length > 0 || changes.length === 0) return { steps: [], clashes }
  const steps = new MergeStepRunner(run, assumesRows)
  const [broken, orphaned] = [brokenPrograms(run), orphans(run)]
  try {
    apply(steps, parent, changes, sides)
    for (const [what, why] of added(broken, brokenPrograms(run)))
      throw new IncompatibleChange({ type: 'program', name: what }, `It would fail after the merge: ${why}`)
    for (const [, table] of added(orphaned, orphans(run))) {
      throw new IncompatibleChange({ type: 'table', name: table }, 'Rows of this table would have missing references.')
    }
    return { steps: steps.done, clashes: [] }
  } catch (cause) {
    if (!(cause instanceof IncompatibleChange)) throw cause
    const key = toKey(cause.object)
    const [base, ours, theirs] = [sides.base, parent, sides.branch].map((schema) => byKey(schema).get(key))
    return { steps: steps.done, clashes: [createConflict(cause.message, cause.object, base, ours, theirs)] }
  }
}

interface TableWork {
  readonly drop: SchemaObject[]
  readonly create: SchemaObject[]
  readonly rebuild: { readonly table: SchemaObject; readonly origin: RowOrigin }[]
}

function apply(
  steps: MergeStepRunner,
  parent: SchemaText,
  changes: readonly Change[],
  { branch, renames }: SchemaSides,
): void {
  const { run } = steps
  const wanted = byKey(parent)
  for (const { before, after } of changes) {
    if (before) wanted.delete(toKey(before))
    if (after) wanted.set(toKey(after), after)
  }
  const others = changes.flatMap(({ before, after }) => (before && before.type !== 'table' ? [{ before, after }] : []))
  const order = ['trigger', 'view', 'index']
  for (const { before, after } of others.sort((a, b) => order.indexOf(a.before.type) - order.indexOf(b.before.type))) {
    const { type, name } = before
    const reason = after ? `Changes ${type} "${name}".` : `Drops ${type} "${name}".`
    steps.do(`DROP ${type.toUpperCase()} ${quoteName(name)}`, reason, { type, name, change: 'removed' })
  }
  const work = sorted(steps, changes, renames)
  const isDisruptive = work.drop.length + work.rebuild.length > 0
  // Triggers and views must not run or block a table that is renamed; `addOthers` recreates them at the end.
  if (isDisruptive) dropPrograms(run)
  for (const table of work.drop) {
    const { name } = table
    const losesData = steps.hasRows(name)
    const reason = losesData ? `Rows of "${name}" would be deleted.` : `Drops table "${name}".`
    steps.do(`DROP TABLE ${quoteName(name)}`, reason, { type: 'table', name, change: 'removed' }, { losesData })
  }
  for (const { table, origin } of work.rebuild) rebuild(steps, table, origin)
  for (const { name, sql } of work.create) {
    steps.do(sql, `Adds table "${name}".`, { type: 'table', name, change: 'added' })
  }
  addOthers(steps, wanted, changes, branch)
  const now = readSchemaText(run)
  const indexes = changes.some(({ after }) => after?.type === 'table' && isVirtual(after.sql))
  if (isDisruptive || indexes) recreateIndexes(run, now, parent)
  verify(now, changes)
}

/** Sorts the table changes into drops, creations and rebuilds, after adding columns where that is enough. */
function sorted(steps: MergeStepRunner, changes: readonly Change[], renames: readonly Rename[]): TableWork {
  const gone = new Map<string, SchemaObject>()
  const work: TableWork = { drop: [], create: [], rebuild: [] }
  const tables = changes.filter(({ before, after }) => (after ?? before)?.type === 'table')
  for (const { before, after } of changes) {
    if (before?.type === 'table' && after?.type !== 'table') gone.set(lower(before.name), before)
  }
  for (const { before, after } of tables) {
    if (!after) continue
    const origin = resolveOriginalName(renames, after.name)
    if (before?.type !== 'table') {
      const former = gone.get(lower(origin.table))
      if (former) {
        work.rebuild.push({ table: after, origin: { ...origin, table: former.name } })
        gone.delete(lower(former.name))
      } else work.create.push(after)
    } else if (!addColumns(steps, before, after)) {
      const own = lower(origin.table) === lower(after.name) ? origin : resolveOriginalName([], after.name)
      work.rebuild.push({ table: after, origin: { ...own, table: before.name } })
    }
  }
  const left = [...gone.values()]
  work.drop.push(...left.filter(({ sql }) => isVirtual(sql)), ...left.filter(({ sql }) => !isVirtual(sql)))
  return work
}

/** Adds columns if they are the only change and SQLite can add them. Returns whether it did. */
function addColumns(steps: MergeStepRunner, before: SchemaObject, after: SchemaObject): boolean {
  const columns = isVirtual(after.sql) ? undefined : addedColumns(before.sql, after.sql)
  if (!columns) return false
  const { run } = steps
  const { name } = after
  const texts = columns.map((column) => `ALTER TABLE ${quoteName(name)} ADD COLUMN ${column}`)
  try {
    for (const text of texts) run(text)
  } catch {
    return false
  }
  if (!isSame({ ...after, sql: readTableSql(run, name) }, after)) return false
  for (const sql of texts) {
    const object = { type: 'table', name, change: 'changed' } as const
    steps.done.push({ sql, reason: `Adds a column to "${name}".`, losesData: false, object })
  }
  return true
}

/** Rebuilds full-text indexes of content in other tables. An index that was broken before can stay broken. */
function recreateIndexes(run: RunSql, now: SchemaText, parent: SchemaText): void {
  const had = new Set(parent.tables.map(({ name }) => lower(name)))
  for (const table of now.tables) {
    const content = getFullTextContent(table.sql)
    if (!content) continue
    try {
      run(filling(table.name))
    } catch (cause) {
      if (had.has(lower(content))) throw new IncompatibleChange(table, sentence(cause), cause)
    }
  }
}

function dropPrograms(run: RunSql): void {
  const { others } = readSchemaText(run)
  for (const { type, name } of others.toReversed()) {
    if (type === 'trigger' || type === 'view') run(`DROP ${type.toUpperCase()} IF EXISTS ${quoteName(name)}`)
  }
}

/**
 * Creates the missing indexes, views and triggers: those of the branch, and those of the parent that had to be dropped.
 */
function addOthers(
  steps: MergeStepRunner,
  wanted: ReadonlyMap<string, SchemaObject>,
  changes: readonly Change[],
  branch: SchemaText,
): void {
  const present = byKey(readSchemaText(steps.run))
  const changed = new Map(changes.flatMap((change) => (change.after ? [[toKey(change.after), change] as const] : [])))
  const rank = new Map([...byKey(branch).keys()].map((key, i) => [key, i]))
  const missing = [...wanted].filter(([key, { type }]) => type !== 'table' && !present.has(key))
  missing.sort(([a], [b]) => (rank.get(a) ?? -1) - (rank.get(b) ?? -1))
  for (const kind of ['index', 'view', 'trigger']) {
    for (const [key, { type, name, sql }] of missing) {
      if (type !== kind) continue
      const change = changed.get(key)
      const reason = change?.before ? `Changes ${type} "${name}".` : `Adds ${type} "${name}".`
      if (change) steps.do(sql, reason, { type, name, change: 'added' })
      else new MergeStepRunner(steps.run).do(sql, `Keeps ${type} "${name}".`, { type, name, change: 'added' })
    }
  }
}

function verify(now: SchemaText, changes: readonly Change[]): void {
  const present = byKey(now)
  for (const { before, after } of changes) {
    if (before && !after && present.has(toKey(before))) {
      throw new IncompatibleChange(before, `The merge couldn't drop this ${before.type}.`)
    }
    if (after && !isSame(present.get(toKey(after)), after)) {
      throw new IncompatibleChange(after, `The merge couldn't change this ${after.type} to match the branch.`)
    }
  }
}
