import type { Hash } from 'node:crypto'
import { PerSQLError } from '@persql/contract'
import type { Remote } from '../../../remote.ts'
import type { StoredMigration } from '../../../sqlite/stored-migration.ts'
import { MAX_PAUSES_MS, Turns } from '../../../turns.ts'
import { copyError } from '../copy/failure.ts'
import { loadPage } from '../copy/load-copy.ts'
import type { CopySource, Wanted } from '../copy/source.ts'
import type { Ids } from '../ids/highest.ts'
import type { BookkeepingRows } from '../migrations/bookkeeping.ts'
import type { DiffState } from './branch-state.ts'
import type { ForkState } from './fork-state.ts'
import { STAGED } from './merge-table-info.ts'

/** The calls of a parent to its branch. */
export interface Branch {
  readonly source: Pick<Remote<CopySource>, 'ready' | 'begin' | 'next' | 'end'>
  readonly forkState: (id: string) => Promise<ForkState>
  readonly diffState: (id: string) => Promise<DiffState>
  readonly seedIds: (id: string, floors: Ids) => Promise<void>
}

/** The state of a branch that a merge reads. */
export interface Gathered extends DiffState {
  readonly bookkeeping: readonly BookkeepingRows[]
  /** The migrations applied in the branch itself, up to a limit. */
  readonly migrations: readonly StoredMigration[]
}

/** The request to a branch, and its callbacks. */
interface Gathering {
  readonly wanted: Wanted
  readonly digest: Hash
  readonly checkTime: () => void
  /** Runs while the branch's writes still wait. Returns the new start of its IDs. */
  readonly seeds: (state: ForkState) => Ids
}

/**
 * Reads the state of a branch and the migrations that were applied there, all from one point in time.
 * @throws PerSQLError `copy_cut_off` or `database_not_found`
 */
export async function fetchMigrations(
  { source, diffState }: Pick<Branch, 'source' | 'diffState'>,
  id: string,
): Promise<DiffState & Pick<Gathered, 'migrations'>> {
  try {
    await source.ready()
    const wanted = { rows: 'bookkeeping', migrations: 'own', isImpatient: true } as const
    const { copy } = await source.begin(id, false, '', wanted)
    try {
      const state = await diffState(id)
      const migrations: StoredMigration[] = []
      let characters = 0
      for (let page = await source.next(copy); page; page = await source.next(copy)) {
        for (const stored of page.migrations ?? []) {
          characters += stored.sql.length
          if (characters <= MAX_CHARACTERS) migrations.push(stored)
        }
      }
      return { ...state, migrations }
    } finally {
      await source.end(copy).catch(() => {
        // The copy times out on its own.
      })
    }
  } catch (cause) {
    throw copyError(cause)
  }
}

/** The maximum length of all migrations; those beyond it are not copied. */
const MAX_CHARACTERS = 8_000_000

/**
 * Reads the state of a branch and stages its rows here, all from one point in time: the branch's writes wait until the
 * end.
 * @throws PerSQLError `copy_cut_off` if the branch is reset, restored or deleted in that time, `took_too_long`
 */
export async function fetchBranch(
  sql: SqlStorage,
  { source, forkState, diffState, seedIds }: Branch,
  id: string,
  { wanted, digest, checkTime, seeds }: Gathering,
): Promise<Gathered> {
  try {
    const { copy, bookkeeping } = await source.begin(id, false, STAGED, wanted)
    try {
      const state = wanted.migrations === 'none' ? { ...(await forkState(id)), applied: [] } : await diffState(id)
      const migrations: StoredMigration[] = []
      let characters = 0
      const turns = new Turns(MAX_PAUSES_MS)
      for (let page = await source.next(copy); page; page = await source.next(copy)) {
        loadPage(sql, page)
        for (const statement of page.statements) {
          digest.update(statement.sql)
          for (const param of statement.params) digest.update(typeof param === 'string' ? param : new Uint8Array(param))
        }
        for (const stored of page.migrations ?? []) {
          characters += stored.sql.length
          if (characters <= MAX_CHARACTERS) migrations.push(stored)
        }
        await turns.next()
        checkTime()
      }
      const { fork, rows } = await forkState(id)
      if (fork !== state.fork || rows !== state.rows) throw new PerSQLError('copy_cut_off')
      const floors = seeds(state)
      if (Object.keys(floors).length > 0) await seedIds(id, floors)
      return { ...state, bookkeeping, migrations }
    } finally {
      await source.end(copy).catch(() => {
        // The copy times out on its own.
      })
    }
  } catch (cause) {
    throw copyError(cause)
  }
}
