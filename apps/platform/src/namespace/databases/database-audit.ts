import type { AuditEvent } from '../../database/review/audit-outbox.ts'
import type { Audit } from '../audit.ts'

/** Copies the audit events of databases into the audit log of their namespace. */
export class DatabaseAudit {
  readonly #storage: DurableObjectStorage
  readonly #audit: Audit

  constructor(storage: DurableObjectStorage, audit: Audit) {
    this.#storage = storage
    this.#audit = audit
  }

  /** Records each event once, even if it is reported repeatedly: the events of a database have increasing numbers. */
  take(databaseId: string, events: readonly AuditEvent[]): void {
    const key = `deeds/${databaseId}`
    this.#storage.transactionSync(() => {
      const known = this.#storage.kv.get<number>(key) ?? 0
      const fresh = events.filter(({ number }) => number > known)
      for (const { actor, action, target, detail, atMs } of fresh) this.#audit.add(actor, action, target, detail, atMs)
      const last = fresh.at(-1)
      if (last) this.#storage.kv.put(key, last.number)
    })
  }
}
