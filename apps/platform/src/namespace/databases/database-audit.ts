import type { AuditEvent } from '../../database/review/audit-outbox.ts'
import type { Audit } from '../audit.ts'

/** Enters what was done in databases into the audit log of their namespace. */
export class DatabaseDeeds {
  readonly #storage: DurableObjectStorage
  readonly #audit: Audit

  constructor(storage: DurableObjectStorage, audit: Audit) {
    this.#storage = storage
    this.#audit = audit
  }

  /** Enters each deed once, however often it is reported: their numbers only grow. */
  take(databaseId: string, deeds: readonly AuditEvent[]): void {
    const key = `deeds/${databaseId}`
    this.#storage.transactionSync(() => {
      const known = this.#storage.kv.get<number>(key) ?? 0
      const fresh = deeds.filter(({ number }) => number > known)
      for (const { actor, action, target, detail, atMs } of fresh) this.#audit.add(actor, action, target, detail, atMs)
      const last = fresh.at(-1)
      if (last) this.#storage.kv.put(key, last.number)
    })
  }
}
