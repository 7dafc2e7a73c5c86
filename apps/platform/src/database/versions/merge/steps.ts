import type { ObjectChange } from '../../../sqlite/schema-diff.ts'
import type { RunSql } from '../../../sqlite/schema-map.ts'
import { hasRows } from './merge-table-info.ts'

/** A statement of a merge with its reason and, for the schema change log, its change. */
export interface MergeStep {
  readonly sql: string
  readonly reason: string
  readonly losesData: boolean
  readonly object: ObjectChange | undefined
}

/** Thrown if a change of the branch doesn't fit into the parent. */
export class IncompatibleChange extends Error {
  readonly object: { readonly type: string; readonly name: string }

  constructor(object: { readonly type: string; readonly name: string }, reason: string, cause?: unknown) {
    super(reason, { cause })
    this.object = object
  }
}

/** Runs the statements of a merge and records those for the report. */
export class MergeStepRunner {
  readonly run: RunSql
  readonly done: MergeStep[] = []
  /** Whether all tables count as full, because their rows aren't here. */
  readonly assumesRows: boolean

  constructor(run: RunSql, assumesRows = false) {
    this.run = run
    this.assumesRows = assumesRows
  }

  /** Returns whether a table has rows. */
  hasRows(table: string): boolean {
    return this.assumesRows || hasRows(this.run, table)
  }

  /** Runs a statement. @throws IncompatibleChange */
  do(sql: string, reason: string, object: ObjectChange, more: { losesData?: boolean; record?: boolean } = {}): void {
    try {
      this.run(sql)
    } catch (cause) {
      throw new IncompatibleChange(object, `${reason} ${sentence(cause)}`, cause)
    }
    this.done.push({
      sql,
      reason,
      losesData: more.losesData ?? false,
      object: more.record === false ? undefined : object,
    })
  }
}

/** Returns SQLite's message without the runtime's additions. */
export const sentence = (cause: unknown): string =>
  (cause instanceof Error ? cause.message : String(cause)).replace(/: SQLITE_\w+.*$/, '').replace(/\.?$/, '.')
