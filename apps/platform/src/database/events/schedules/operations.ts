import { assertInScope, isInScope } from '../../../authority.ts'
import { mapPage } from '../../../paging.ts'
import { type DatabaseCall, getActor } from '../../calls/call.ts'
import { type Handlers, parseInput } from '../../calls/handler.ts'
import { done, donePage } from '../../calls/outcome.ts'
import type { Engine } from '../../engine/engine.ts'
import { DatabaseLocked } from '../../engine/retry-required.ts'
import type { DatabaseReads } from '../../reads/database-reads.ts'
import type { Audit } from '../../review/audit-outbox.ts'
import { bindStatement, failed, lastRun, runStatement } from './run.ts'
import { type SchedulePermission, type Schedules, type StoredSchedule, toSchedule } from './store.ts'

/** The services that schedules use. */
interface ScheduleServices {
  readonly schedules: Schedules
  readonly engine: Engine
  readonly reads: DatabaseReads
  readonly audit: Audit
  readonly now: () => number
}

/** Returns the handlers of schedules. */
export function operations({ schedules, engine, reads, audit, now }: ScheduleServices) {
  return {
    list_schedules(call) {
      const page = schedules.page(parseInput<'list_schedules'>(call), ({ rights }) =>
        isInScope(rights.tableScope, call.grant),
      )
      return donePage(mapPage(page, toSchedule))
    },

    create_schedule(call) {
      const { name, sql, params, intervalSec, enabled } = parseInput<'create_schedule'>(call)
      engine.prepareAlone(bindStatement({ sql, params }), call.grant)
      const schedule = schedules.create({ name, sql, params, intervalSec, enabled }, toPermission(call), now())
      audit(getActor(call.grant), 'schedule.created', schedule.id, { name, intervalSec })
      return done(toSchedule(schedule))
    },

    update_schedule(call) {
      const { id, name, sql, params, intervalSec, enabled } = parseInput<'update_schedule'>(call)
      const known = find(id, call, schedules)
      const all = Object.entries({ name, sql, params, intervalSec, enabled }).filter(([, value]) => value !== undefined)
      const fields = Object.fromEntries(all) as Partial<StoredSchedule>
      engine.prepareAlone(bindStatement({ ...known, ...fields }), call.grant)
      const schedule = schedules.change(known, fields, toPermission(call), now())
      audit(getActor(call.grant), 'schedule.updated', id, { name: schedule.name, intervalSec: schedule.intervalSec })
      return done(toSchedule(schedule))
    },

    delete_schedule(call) {
      const { id, name } = find(parseInput<'delete_schedule'>(call).id, call, schedules)
      schedules.delete(id)
      audit(getActor(call.grant), 'schedule.deleted', id, { name })
      return done({ deleted: true })
    },

    async run_schedule(call) {
      const schedule = find(parseInput<'run_schedule'>(call).id, call, schedules)
      const [startedMs, atMs] = [performance.now(), now()]
      const used = { sql: schedule.sql, statementCount: 1 }
      try {
        const running = runStatement(schedule, reads)
        // Without a reader, the run and its record are in one turn, and so in one transaction.
        const result = running instanceof Promise ? await running : running
        const { rowsRead, rowsWritten } = result
        const ran = schedules.recordManualRun(schedule, lastRun(result, atMs, startedMs))
        return done(toSchedule(ran), { ...used, rowsRead, rowsWritten })
      } catch (cause) {
        if (cause instanceof DatabaseLocked) throw cause
        const durationMs = performance.now() - startedMs
        return done(toSchedule(schedules.recordManualRun(schedule, { ...failed(cause, atMs), durationMs })), used)
      }
    },
  } satisfies Handlers
}

/** @throws PerSQLError `not_for_scoped_token` if the schedule can reach tables that the caller's token can't */
function find(id: string, { grant }: DatabaseCall, schedules: Schedules): StoredSchedule {
  const schedule = schedules.get(id)
  assertInScope(schedule.rights.tableScope, grant, 'use this schedule')
  return schedule
}

const toPermission = ({ grant: { role, tableScope } }: DatabaseCall): SchedulePermission => ({ role, tableScope })
