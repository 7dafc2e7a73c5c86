import type { Selected as ShownSelection } from '@persql/contract'
import { getFixed, isSelected, type Place, type Selected, type Selection } from '../../selection.ts'
import type { Migration } from '../../storage/migrate.ts'

export const TOKEN_SELECTION: Migration = {
  name: 'databases of tokens by pattern, operations of tokens',
  sql: `
    -- A token with a selection has an empty list in "databases", so that nothing takes it for a token without limits.
    ALTER TABLE token ADD COLUMN selection TEXT;
    -- The names of the only operations that a token can call, in JSON.
    ALTER TABLE token ADD COLUMN operations TEXT;
  `,
}

/** The databases that a token is limited to, as responses contain them. */
export interface ShownDatabases {
  readonly database: string | null
  readonly databases: string[] | null
  readonly select: ShownSelection | null
}

/** The columns of a token with its databases. */
export interface SelectionColumns {
  readonly databases: string | null
  readonly selection: string | null
}

/** Returns the databases that a token's own record limits it to. */
export function parseSelection({ databases, selection }: SelectionColumns): Selection | null {
  if (selection !== null) return JSON.parse(selection) as Selection
  return databases === null ? null : [{ ids: JSON.parse(databases) as string[], patterns: [], branches: false }]
}

/** Returns the columns for a selection. */
export function toColumns(selection: Selection | null): SelectionColumns {
  if (selection === null) return { databases: null, selection: null }
  const ids = getFixed(selection)
  return ids
    ? { databases: JSON.stringify(ids), selection: null }
    : { databases: '[]', selection: JSON.stringify(selection) }
}

/** Finds the databases that selections refer to. */
export class Selections {
  readonly #sql: SqlStorage

  constructor(sql: SqlStorage) {
    this.#sql = sql
  }

  /** Returns the slug of a database and its parent if it is a branch. */
  readonly findPlace = (id: string): Place | undefined => {
    const rows = this.#sql.exec<{ slug: string; ref: string | null; parent_id: string; parent_slug: string }>(
      `SELECT slug, ref, parent_id, parent_slug FROM database LEFT JOIN lineage ON lineage.database_id = database.id
       WHERE id = ?`,
      id,
    )
    const [row] = rows.toArray()
    const parent = row && row.ref !== null ? { id: row.parent_id, slug: row.parent_slug } : null
    return row && { id, slug: row.slug, parent }
  }

  /** Returns whether a database is selected. `null` selects all. */
  isSelected(selection: Selection | null, id: string): boolean {
    const fixed = selection && getFixed(selection)
    if (fixed) return fixed.includes(id)
    const place = selection === null || this.findPlace(id)
    return place === true || (place !== undefined && isSelected(selection, place))
  }

  /** Returns a selection with slugs instead of IDs. Databases that no longer exist are left out. */
  show(selection: Selection | null): ShownDatabases {
    if (selection === null) return { database: null, databases: null, select: null }
    const [own, ...within] = selection.map((one) => this.#showOne(one))
    const shown = own as Omit<ShownSelection, 'within'>
    if (!getFixed(selection)) {
      return { database: null, databases: null, select: within.length === 0 ? shown : { ...shown, within } }
    }
    const { databases } = shown
    return { database: databases.length === 1 ? (databases[0] as string) : null, databases, select: shown }
  }

  #showOne({ ids, patterns, branches }: Selected) {
    const rows = this.#sql.exec<{ slug: string }>(
      'SELECT slug FROM database WHERE id IN (SELECT value FROM json_each(?)) ORDER BY slug',
      JSON.stringify(ids),
    )
    return { databases: [...rows.toArray().map(({ slug }) => slug), ...patterns], branches }
  }
}
