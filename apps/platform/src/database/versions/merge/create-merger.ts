import { PerSQLError } from '@persql/contract'
import { now } from '../../../clock.ts'
import type { Env } from '../../../env.ts'
import type { ExclusiveAccess } from '../../calls/exclusive-access.ts'
import { databaseObject, namespaceObject } from '../../calls/neighbors.ts'
import type { WriteFreeze } from '../../engine/write-freeze.ts'
import type { IdentityStore } from '../../identity.ts'
import type { Approvals } from '../../review/approvals/approvals.ts'
import type { AuditOutbox } from '../../review/audit-outbox.ts'
import type { TransactionHold } from '../../transactions/hold.ts'
import { Merger, type MergerOptions } from './merger.ts'

/** The parts that a merger takes from the database as they are. */
type Parts = 'storage' | 'inTransaction' | 'growth' | 'ownPages' | 'history' | 'schemaChanges' | 'ledger' | 'seeds'

/** The services of the database that its merger uses. */
interface MergerServices extends Pick<MergerOptions, Parts> {
  readonly env: Env
  readonly identity: IdentityStore
  readonly writes: WriteFreeze
  readonly hold: TransactionHold
  readonly approvals: Approvals
  readonly outbox: AuditOutbox
  readonly exclusive: ExclusiveAccess
}

/** Creates the merger of branches into this database. */
export function createMerger(services: MergerServices): Merger {
  const { env, storage, inTransaction, ownPages, identity, writes, hold, growth, history, exclusive } = services
  const { schemaChanges, ledger, seeds, approvals, outbox } = services
  return new Merger({
    ...{ storage, inTransaction, growth, ownPages, history, schemaChanges, ledger, seeds, now },
    hold: () => hold.whenFree().then(() => writes.freeze()),
    permit: (tables) => approvals.gate.changed(tables),
    alone: (database, changes, work) =>
      exclusive.replace(() => {
        if (!identity.current) throw new PerSQLError('database_not_found', { database })
        return work()
      }, changes),
    branches: async () =>
      (await namespaceObject(env, identity.known.namespace).branches.list(identity.known.slug)).items,
    branch: (slug) => databaseObject(env, identity.known.namespace, slug),
    note: (actor, ref, detail) => outbox.keep(actor, 'database.branch_merged', ref, detail),
  })
}
