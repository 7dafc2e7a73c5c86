import { type ApprovalHit, type ApprovalRule, PerSQLError } from '@persql/contract'
import { toIso } from '../../../clock.ts'
import { limitReached } from '../../../storage/limit-reached.ts'
import { randomText } from '../../../token.ts'
import type { SystemStorage } from '../../engine/system-storage.ts'
import { matchesGlob } from './glob.ts'

const KEY = 'approval-rules'
const MAX_RULES = 100

/** The approval rules of a database. */
export class Rules {
  readonly #kv: SyncKvStorage
  readonly #ownPages: SystemStorage
  #known: readonly ApprovalRule[] | undefined

  constructor(storage: DurableObjectStorage, ownPages: SystemStorage) {
    this.#kv = storage.kv
    this.#ownPages = ownPages
  }

  list(): readonly ApprovalRule[] {
    this.#known ??= this.#kv.get<ApprovalRule[]>(KEY) ?? []
    return this.#known
  }

  /** @throws PerSQLError `limit_reached` */
  add(rule: Pick<ApprovalRule, 'tableGlob' | 'action' | 'note'>, createdBy: string, nowMs: number): ApprovalRule {
    const rules = this.list()
    if (rules.length >= MAX_RULES) throw limitReached(MAX_RULES, 'approval rules')
    const added = { id: `rule_${randomText(16)}`, ...rule, createdAt: toIso(nowMs), createdBy }
    this.#put([...rules, added])
    return added
  }

  /** @throws PerSQLError `approval_rule_not_found` */
  remove(id: string): ApprovalRule {
    const removed = this.list().find((rule) => rule.id === id)
    if (!removed) throw new PerSQLError('approval_rule_not_found', { id })
    this.#put(this.list().filter((rule) => rule !== removed))
    return removed
  }

  /** Returns a hit for each pair of a rule and a table that it matches. */
  hits(tables: readonly string[]): ApprovalHit[] {
    return this.list().flatMap(({ tableGlob, action, note }) =>
      tables
        .filter((table) => matchesGlob(tableGlob, table))
        .map((matchedTable) => ({ tableGlob, action, matchedTable, note })),
    )
  }

  /** Clears the cache; called after the stored rules were changed elsewhere. */
  forget(): void {
    this.#known = undefined
  }

  #put(rules: readonly ApprovalRule[]): void {
    this.#ownPages.around(() => this.#kv.put(KEY, rules))
    this.#known = rules
  }
}
