import { readSchemaForms, toKey } from '../../../sqlite/schema-form.ts'
import type { SchemaObject, SchemaText } from '../../../sqlite/schema-text.ts'
import { addedColumns, isVirtual } from './table-text.ts'

/** An object that only the branch changed: its definition before and after; `undefined` if it doesn't exist. */
export interface Change {
  readonly before: SchemaObject | undefined
  readonly after: SchemaObject | undefined
}

interface Named {
  readonly type: string
  readonly name: string
}

/** An object on which branch and parent conflict. */
export interface SchemaConflict {
  readonly type: string
  readonly name: string
  readonly reason: string
  readonly base: string | null
  readonly parent: string | null
  readonly branch: string | null
}

/**
 * Compares two schemas with their common base. An object that only the branch changed is a change. An object that both
 * changed differently, or that one changed and the other removed, is a conflict.
 */
export function threeWay(base: SchemaText, parent: SchemaText, branch: SchemaText) {
  const [was, ours, theirs] = [byKey(base), byKey(parent), byKey(branch)]
  const forms = { base: readSchemaForms(base), parent: readSchemaForms(parent), branch: readSchemaForms(branch) }
  const changes: Change[] = []
  const clashes: SchemaConflict[] = []
  for (const key of new Set([...was.keys(), ...ours.keys(), ...theirs.keys()])) {
    const [b, o, t] = [was.get(key), ours.get(key), theirs.get(key)]
    const [before, our, their] = [forms.base.get(key), forms.parent.get(key), forms.branch.get(key)]
    if (their === before || their === our) continue
    if (our === before || hasOnlyColumnsMore(b, o, t)) changes.push({ before: o, after: t })
    else if (hasOnlyColumnsMore(b, t, o)) continue
    else clashes.push(createConflict('Changed differently on both sides.', t ?? o ?? b, b, o, t))
  }
  return { changes, clashes }
}

/**
 * Returns whether both tables gained columns and the second has all of the first one's: then it includes both changes.
 */
function hasOnlyColumnsMore(
  base: SchemaObject | undefined,
  some: SchemaObject | undefined,
  more: SchemaObject | undefined,
): boolean {
  if (
    !some ||
    !more ||
    [base, some, more].some((object) => object && (object.type !== 'table' || isVirtual(object.sql)))
  )
    return false
  return (!base || addedColumns(base.sql, some.sql) !== undefined) && addedColumns(some.sql, more.sql) !== undefined
}

/** Returns the conflict of an object with its definitions. */
export const createConflict = (
  reason: string,
  object: Named | undefined,
  base?: SchemaObject,
  parent?: SchemaObject,
  branch?: SchemaObject,
): SchemaConflict => ({
  type: object?.type ?? 'table',
  name: object?.name ?? '',
  reason,
  base: base?.sql ?? null,
  parent: parent?.sql ?? null,
  branch: branch?.sql ?? null,
})

/** Returns the objects of a schema by key. */
export const byKey = ({ tables, others }: SchemaText): Map<string, SchemaObject> =>
  new Map([...tables, ...others].map((object) => [toKey(object), object]))
