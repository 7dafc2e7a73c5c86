import type { Api, Parsed } from '@persql/contract'
import { assertInScope, isInScope } from '../../authority.ts'
import { mapPage } from '../../paging.ts'
import { actorOf, type DatabaseCall, type ScheduleOperation } from '../call.ts'
import { OnHold } from '../engine.ts'
import type { Run } from '../operations.ts'
import { done, donePage } from '../outcome.ts'
import { failed, lastRun, runStatement, statementOf } from './run.ts'
import { type Rights, type Schedules, type StoredSchedule, scheduleOf } from './store.ts'

/** Statements that run by themselves. Bodies are validated input. */
export const scheduleOperations: Record<ScheduleOperation, Run> = {
  list_schedules(call, { schedules }) {
    const page = schedules.page(inputOf<'list_schedules'>(call), ({ rights }) =>
      isInScope(rights.tableScope, call.grant),
    )
    return donePage(mapPage(page, scheduleOf))
  },

  create_schedule(call, { schedules, engine, audit, now }) {
    const { name, sql, params, intervalSec, enabled } = inputOf<'create_schedule'>(call)
    engine.prepareAlone(statementOf({ sql, params }), call.grant)
    const schedule = schedules.create({ name, sql, params, intervalSec, enabled }, rightsOf(call), now())
    audit(actorOf(call.grant), 'schedule.created', schedule.id, { name, intervalSec })
    return done(scheduleOf(schedule))
  },

  update_schedule(call, { schedules, engine, audit, now }) {
    const { id, name, sql, params, intervalSec, enabled } = inputOf<'update_schedule'>(call)
    const known = find(id, call, schedules)
    const all = Object.entries({ name, sql, params, intervalSec, enabled }).filter(([, value]) => value !== undefined)
    const fields = Object.fromEntries(all) as Partial<StoredSchedule>
    engine.prepareAlone(statementOf({ ...known, ...fields }), call.grant)
    const schedule = schedules.change(known, fields, rightsOf(call), now())
    audit(actorOf(call.grant), 'schedule.updated', id, { name: schedule.name, intervalSec: schedule.intervalSec })
    return done(scheduleOf(schedule))
  },

  delete_schedule(call, { schedules, audit }) {
    const { id, name } = find(inputOf<'delete_schedule'>(call).id, call, schedules)
    schedules.delete(id)
    audit(actorOf(call.grant), 'schedule.deleted', id, { name })
    return done({ deleted: true })
  },

  run_schedule(call, { schedules, engine, now }) {
    const schedule = find(inputOf<'run_schedule'>(call).id, call, schedules)
    const [startedMs, atMs] = [performance.now(), now()]
    const used = { sql: schedule.sql, statementCount: 1 }
    try {
      const result = runStatement(schedule, engine)
      const { rowsRead, rowsWritten } = result
      const ran = schedules.ranByHand(schedule, lastRun(result, atMs, startedMs))
      return done(scheduleOf(ran), { ...used, rowsRead, rowsWritten })
    } catch (cause) {
      if (cause instanceof OnHold) throw cause
      const durationMs = performance.now() - startedMs
      return done(scheduleOf(schedules.ranByHand(schedule, { ...failed(cause, atMs), durationMs })), used)
    }
  },
}

/** @throws PerSQLError `not_for_scoped_token` if the schedule can reach tables that the caller's token can't */
function find(id: string, { grant }: DatabaseCall, schedules: Schedules): StoredSchedule {
  const schedule = schedules.get(id)
  assertInScope(schedule.rights.tableScope, grant, 'use this schedule')
  return schedule
}

const rightsOf = ({ grant: { role, tableScope } }: DatabaseCall): Rights => ({ role, tableScope })
const inputOf = <K extends ScheduleOperation>({ body }: DatabaseCall) => JSON.parse(body) as Parsed<Api[K]>
