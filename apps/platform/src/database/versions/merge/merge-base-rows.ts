import { createHash } from 'node:crypto'
import { lower } from '../../../sqlite/identifiers.ts'
import { isSame } from '../../../sqlite/schema-form.ts'
import type { RunSql } from '../../../sqlite/schema-map.ts'
import type { ForkState } from './fork-state.ts'
import { declared, type KeyColumn } from './match-tables.ts'
import { readTableSql } from './merge-table-info.ts'
import { normalForm } from './normal-form.ts'

/** The prefix of the tables with the rows that a parent and a branch shared at their last merge. */
export const BASE = '_persql_base_'
const PREFIX = 'merged-rows/'

/** The contents of a merge base, and the conditions under which it is valid. */
interface Kept {
  readonly branchId: string
  /** The table, and a hash of its definition, which both sides shared. */
  readonly table: string
  readonly text: string
  readonly fork: string
  readonly rows: string
}

/** The merge bases of the rows that a parent has merged, by branch and table. */
export class MergeBases {
  readonly #kv: SyncKvStorage
  readonly #run: RunSql
  readonly #branchId: string
  readonly #state: ForkState

  /** @param run isn't billed, because merge bases are system tables */
  constructor(kv: SyncKvStorage, run: RunSql, branchId: string, state: ForkState) {
    this.#kv = kv
    this.#run = run
    this.#branchId = branchId
    this.#state = state
  }

  /** Returns the merge base of a table; `undefined` if a side has changed since. */
  of(table: string): string | undefined {
    const text = this.#hashDefinition(table)
    const found = [...all(this.#kv)].find(([, kept]) => this.#isMine(kept) && kept.table === lower(table))
    return found && text !== undefined && this.#isGood(found[1], text) ? toTableName(found[0]) : undefined
  }

  /** Returns the merge base of a table and creates an empty one if needed; `undefined` if the definitions differ. */
  open(table: string, keys: readonly KeyColumn[]): string | undefined {
    const known = this.of(table)
    const text = this.#hashDefinition(table)
    if (known !== undefined || text === undefined) return known
    const { fork, rows } = this.#state
    const number = 1 + Math.max(0, ...[...all(this.#kv)].map(([at]) => parseNumber(at)))
    const at = PREFIX + number
    this.#kv.put(at, { branchId: this.#branchId, table: lower(table), text, fork: fork as string, rows } satisfies Kept)
    const names = keys.map(({ name }) => name)
    this.#run(`CREATE TABLE ${toTableName(at)} (${declared(keys)}, hash, PRIMARY KEY (${names})) WITHOUT ROWID`)
    return toTableName(at)
  }

  /** Deletes the merge bases that are no longer valid. */
  dropVoid(): void {
    for (const [at, kept] of [...all(this.#kv)]) {
      const text = this.#isMine(kept) ? this.#hashDefinition(kept.table) : undefined
      if (this.#isMine(kept) && !(text !== undefined && this.#isGood(kept, text))) drop(this.#kv, this.#run, at)
    }
  }

  #isMine({ branchId }: Kept): boolean {
    return branchId === this.#branchId
  }

  #isGood({ text, fork, rows }: Kept, now: string): boolean {
    return text === now && fork === this.#state.fork && rows === this.#state.rows
  }

  /** Returns a hash of the table's definition if it is the same on both sides. */
  #hashDefinition(table: string): string | undefined {
    const ours = readTableSql(this.#run, table)
    const theirs = this.#state.schema.tables.find(({ name }) => lower(name) === lower(table))?.sql
    const toTable = (sql: string) => ({ type: 'table' as const, name: table, sql })
    if (ours === '' || theirs === undefined || !isSame(toTable(ours), toTable(theirs))) return undefined
    return createHash('sha256').update(normalForm(ours)).digest('hex').slice(0, 32)
  }
}

/** Deletes the merge bases of all branches, or only of deleted ones. Call it in a transaction. */
export function deleteMergeBases(
  kv: SyncKvStorage,
  run: RunSql,
  isGone: (branchId: string) => boolean = () => true,
): void {
  for (const [at, { branchId }] of [...all(kv)]) if (isGone(branchId)) drop(kv, run, at)
}

const all = (kv: SyncKvStorage) => kv.list<Kept>({ prefix: PREFIX })
const parseNumber = (at: string) => Number(at.slice(PREFIX.length))
const toTableName = (at: string) => `${BASE}${parseNumber(at)}`

function drop(kv: SyncKvStorage, run: RunSql, at: string): void {
  run(`DROP TABLE IF EXISTS ${toTableName(at)}`)
  kv.delete(at)
}
