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
import type { Ledger } from '../migrations/ledger.ts'
import { BranchComparison } from './branch-comparison.ts'
import { Merger, type MergerOptions } from './merger.ts'
import { SchemaTrial } from './schema-trial.ts'

/** The parts that a merger takes from the database as they are. */
type Parts = 'storage' | 'inTransaction' | 'growth' | 'ownPages' | 'history' | 'schemaChanges' | 'seeds'

/** The services of the database that its merger uses. */
interface MergerServices extends Pick<MergerOptions, Parts> {
  readonly env: Env
  readonly identity: IdentityStore
  readonly ledger: Ledger
  readonly writes: WriteFreeze
  readonly hold: TransactionHold
  readonly approvals: Approvals
  readonly outbox: AuditOutbox
  readonly exclusive: ExclusiveAccess
}

/** Creates what compares this database with its branches and merges them. */
export function createMerges(services: MergerServices) {
  const { env, storage, inTransaction, ownPages, identity, writes, hold, growth, history, exclusive } = services
  const { schemaChanges, ledger, seeds, approvals, outbox } = services
  const branches = async () =>
    (await namespaceObject(env, identity.known.namespace).branches.list(identity.known.slug)).items
  const branch = (slug: string) => databaseObject(env, identity.known.namespace, slug)
  const trial = (database: string) => branch(`${database}#diff`).schemaTrial
  const merger = new Merger({
    ...{ storage, inTransaction, growth, ownPages, history, schemaChanges, ledger, seeds, now },
    hold: () => hold.whenFree().then(() => writes.freeze()),
    permit: (tables) => approvals.gate.changed(tables),
    alone: (database, changes, work) =>
      exclusive.replace(() => {
        if (!identity.current) throw new PerSQLError('database_not_found', { database })
        return work()
      }, changes),
    ...{ branches, branch },
    note: (actor, ref, detail) => outbox.keep(actor, 'database.branch_merged', ref, detail),
  })
  return {
    merger,
    comparison: new BranchComparison({ storage, ledger, branches, branch, trial }),
    schemaTrial: new SchemaTrial(storage, () => identity.current !== undefined),
  }
}
