import { type Api, type Parsed, PerSQLError } from '@persql/contract'
import { actorOf, type DatabaseCall, type HistoryOperation } from '../call.ts'
import type { Run } from '../operations.ts'
import { done, donePage } from '../outcome.ts'

/** Snapshots, and going back to them. Bodies are validated input. */
export const historyOperations: Record<HistoryOperation, Run> = {
  list_snapshots: (call, { history }) => donePage(history.list(inputOf<'list_snapshots'>(call))),
  async create_snapshot(call, { history, audit }) {
    const snapshot = await history.create(inputOf<'create_snapshot'>(call).label, false)
    audit(actorOf(call.grant), 'snapshot.created', snapshot.id, { label: snapshot.label })
    return done(snapshot)
  },
  async delete_snapshot(call, { history, audit }) {
    const { id } = inputOf<'delete_snapshot'>(call)
    await history.delete(id)
    audit(actorOf(call.grant), 'snapshot.deleted', id, {})
    return done({ deleted: true })
  },
  get_settings: (_call, { keeper }) => done({ automaticSnapshots: keeper.isOn }),
  update_settings(call, { keeper, audit }) {
    const { automaticSnapshots } = inputOf<'update_settings'>(call)
    if (automaticSnapshots !== undefined && automaticSnapshots !== keeper.isOn) {
      keeper.isOn = automaticSnapshots
      audit(actorOf(call.grant), 'database.settings_changed', 'settings', { automaticSnapshots })
    }
    return done({ automaticSnapshots: keeper.isOn })
  },
  async restore(call, { history, audit }) {
    const { snapshotId, bookmark, timestamp } = inputOf<'restore'>(call)
    const given = [snapshotId, bookmark, timestamp].filter((each) => each !== undefined)
    if (given.length !== 1) {
      throw new PerSQLError('invalid_input', {
        problem: 'Set exactly one of "snapshotId", "bookmark" and "timestamp".',
      })
    }
    const went = await history.restore(given[0] as string | number, actorOf(call.grant))
    audit(actorOf(call.grant), 'database.restored', went.restored.id, { before: went.before.id })
    return done(went)
  },
}

const inputOf = <K extends HistoryOperation>({ body }: DatabaseCall) => JSON.parse(body) as Parsed<Api[K]>
