import { type ApprovalHit, PerSQLError } from '@persql/contract'
import { lower } from '../../../sqlite/identifiers.ts'
import type { Analysis } from '../../authorizer/authorizer.ts'
import type { WriteGuard } from '../../engine/observer.ts'
import { computeFingerprint } from './fingerprint.ts'
import type { Rules } from './rules.ts'
import { tablesWritten } from './written-tables.ts'

/** Maximum number of hits in a response, a request and an audit event. */
export const MAX_HITS = 100

/** A run that can be rolled back. Rules that require approval don't stop it: their hits are recorded. */
export class DryRunScope {
  readonly hits: ApprovalHit[] = []
  /** The fingerprint of each writing statement, in order. */
  readonly prints: string[] = []
  readonly tables = new Set<string>()
  readonly #approved: ReadonlySet<string>

  /** Tables in `approved` produce no hits. */
  constructor(approved: readonly string[] = []) {
    this.#approved = new Set(approved.map(lower))
  }

  note(hits: readonly ApprovalHit[]): void {
    const known = new Set(this.hits.map((hit) => JSON.stringify(hit)))
    const news = hits.filter((hit) => !this.#approved.has(lower(hit.matchedTable)) && !known.has(JSON.stringify(hit)))
    this.hits.push(...news)
  }
}

/** The check between every writing statement and its tables, for all entry points. Reads skip it. */
export class WriteGate implements WriteGuard {
  readonly #storage: DurableObjectStorage
  readonly #rules: Rules
  #trial: DryRunScope | undefined

  constructor(storage: DurableObjectStorage, rules: Rules) {
    this.#storage = storage
    this.#rules = rules
  }

  get closed(): boolean {
    return this.#trial !== undefined || this.#rules.list().length > 0
  }

  /** Runs a function under a dry run scope, in one turn. */
  runAs<T>(trial: DryRunScope, run: () => T): T {
    this.#trial = trial
    try {
      return run()
    } finally {
      this.#trial = undefined
    }
  }

  /** Runs a dry run, which only rules that deny writes can stop. */
  trying<T>(run: () => T): T {
    return this.closed ? this.runAs(new DryRunScope(), run) : run()
  }

  /** @throws PerSQLError `approval_denied` */
  enter(analysis: Analysis): void {
    const { sql } = this.#storage
    this.#trial?.prints.push(computeFingerprint(analysis, sql))
    this.changed(tablesWritten(analysis, sql))
  }

  /** @throws PerSQLError `approval_denied` */
  changed(tables: readonly string[]): void {
    const hits = this.#rules.hits(tables)
    for (const table of tables) this.#trial?.tables.add(table)
    const stopping = this.#trial ? hits.filter(({ action }) => action === 'deny') : hits
    if (stopping[0]) throw createDenial(stopping[0], hits)
    this.#trial?.note(hits)
  }
}

/**
 * Returns the error for hits: that of the rules that deny the write, otherwise that of the rules that require approval.
 */
function createDenial(first: ApprovalHit, hits: readonly ApprovalHit[]): PerSQLError {
  const forbidding = hits.filter(({ action }) => action === 'deny')
  const named = forbidding.length > 0 ? forbidding : hits
  const { matchedTable: table } = named[0] ?? first
  return new PerSQLError('approval_denied', { table }, { extra: { hits: named.slice(0, MAX_HITS) } })
}

/** Returns whether a failure comes only from rules that require approval, so the write can be requested. */
export function mayBeApproved(cause: unknown): boolean {
  const { code, extra } = PerSQLError.from(cause)
  const { hits = [] } = extra as { hits?: readonly ApprovalHit[] }
  return code === 'approval_denied' && hits.length > 0 && hits.every(({ action }) => action === 'require_approval')
}
