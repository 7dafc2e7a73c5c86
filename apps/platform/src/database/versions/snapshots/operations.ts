import { PerSQLError } from '@persql/contract'
import { getActor } from '../../calls/call.ts'
import { type Handlers, parseInput } from '../../calls/handler.ts'
import { done, donePage } from '../../calls/outcome.ts'
import type { Audit } from '../../review/audit-outbox.ts'
import type { AutoSnapshotter } from './auto-snapshotter.ts'
import type { SnapshotRestorer } from './snapshot-restorer.ts'
import type { Snapshots } from './snapshots.ts'

/** The services that the snapshot operations use. */
interface HistoryServices {
  readonly history: Snapshots
  readonly keeper: AutoSnapshotter
  readonly restorer: SnapshotRestorer
  readonly audit: Audit
}

/** Returns the handlers of snapshots and of the settings for automatic snapshots. */
export function operations({ history, keeper, restorer, audit }: HistoryServices) {
  return {
    list_snapshots: (call) => donePage(history.list(parseInput<'list_snapshots'>(call))),
    async create_snapshot(call) {
      const snapshot = await history.create(parseInput<'create_snapshot'>(call).label, false)
      audit(getActor(call.grant), 'snapshot.created', snapshot.id, { label: snapshot.label })
      return done(snapshot)
    },
    async delete_snapshot(call) {
      const { id } = parseInput<'delete_snapshot'>(call)
      await history.delete(id)
      audit(getActor(call.grant), 'snapshot.deleted', id, {})
      return done({ deleted: true })
    },
    get_settings: (_call) => done({ automaticSnapshots: keeper.isOn }),
    update_settings(call) {
      const { automaticSnapshots } = parseInput<'update_settings'>(call)
      if (automaticSnapshots !== undefined && automaticSnapshots !== keeper.isOn) {
        keeper.isOn = automaticSnapshots
        audit(getActor(call.grant), 'database.settings_changed', 'settings', { automaticSnapshots })
      }
      return done({ automaticSnapshots: keeper.isOn })
    },
    async restore(call) {
      const { snapshotId, bookmark, timestamp } = parseInput<'restore'>(call)
      const given = [snapshotId, bookmark, timestamp].filter((each) => each !== undefined)
      if (given.length !== 1) {
        throw new PerSQLError('invalid_input', {
          problem: 'Set exactly one of "snapshotId", "bookmark" and "timestamp".',
        })
      }
      const went = await restorer.restore(given[0] as string | number, getActor(call.grant))
      audit(getActor(call.grant), 'database.restored', went.restored.id, { before: went.before.id })
      return done(went)
    },
  } satisfies Handlers
}
