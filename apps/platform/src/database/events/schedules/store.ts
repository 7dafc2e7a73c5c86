import {
  type Api,
  type Listed,
  type Paging,
  type Parsed,
  PerSQLError,
  type Role,
  type Schedule,
} from '@persql/contract'
import * as z from 'zod'
import { toIso } from '../../../clock.ts'
import { compareKeys, listPage } from '../../../paging.ts'
import { limitReached } from '../../../storage/limit-reached.ts'
import { randomText } from '../../../token.ts'
import type { SystemStorage } from '../../engine/system-storage.ts'

type Fields = Pick<Parsed<Api['create_schedule']>, 'name' | 'sql' | 'params' | 'intervalSec' | 'enabled'>

/** The record of a run. */
export interface LastRun {
  readonly atMs: number
  readonly status: 'ok' | 'error'
  readonly error: string | null
  readonly durationMs: number
  readonly rowsRead: number
  readonly rowsWritten: number
}

/** The permissions of the member or token that saved a schedule, at that time. */
export interface SchedulePermission {
  readonly role: Role
  readonly tableScope: readonly string[] | null
}

/** A schedule as it is stored. */
export interface StoredSchedule extends Fields {
  readonly id: string
  readonly rights: SchedulePermission
  readonly createdAtMs: number
  readonly updatedAtMs: number
  readonly nextAtMs: number | null
  /** Number of starts of the due run, written before each start because a run can crash the object. */
  readonly begun: number
  readonly last: LastRun | null
}

const OLDEST_FIRST = {
  name: 'schedules',
  key: z.tuple([z.int(), z.string()]),
  toKey: ({ createdAtMs, id }: StoredSchedule): [number, string] => [createdAtMs, id],
  compare: compareKeys,
}
const PREFIX = 'schedule/'
/** Keys and key prefixes that are deleted together with the tables of a database. */
export const contentKeys = [PREFIX]
const MAX_SCHEDULES = 50
const MAX_ERROR = 1_000

/** The schedules of a database: `schedule/<id>`, not accessible from SQL. */
export class Schedules {
  readonly #kv: SyncKvStorage
  readonly #ownPages: SystemStorage
  readonly #sweepAt: (atMs: number) => void

  constructor(storage: DurableObjectStorage, ownPages: SystemStorage, sweepAt: (atMs: number) => void) {
    this.#kv = storage.kv
    this.#ownPages = ownPages
    this.#sweepAt = sweepAt
  }

  list(): StoredSchedule[] {
    return [...this.#kv.list<StoredSchedule>({ prefix: PREFIX })]
      .map(([, schedule]) => schedule)
      .sort((a, b) => a.createdAtMs - b.createdAtMs)
  }

  /**
   * Returns a page of the matching schedules, oldest first. @throws PerSQLError `invalid_input` for an invalid cursor
   */
  page(paging: Paging, passes: (schedule: StoredSchedule) => boolean): Listed<StoredSchedule> {
    return listPage(OLDEST_FIRST, paging, this.list().filter(passes))
  }

  find(id: string): StoredSchedule | undefined {
    return this.#kv.get<StoredSchedule>(PREFIX + id)
  }

  /** @throws PerSQLError `schedule_not_found` */
  get(id: string): StoredSchedule {
    const schedule = this.find(id)
    if (!schedule) throw new PerSQLError('schedule_not_found', { id })
    return schedule
  }

  /** @throws PerSQLError `limit_reached` */
  create(fields: Fields, rights: SchedulePermission, nowMs: number): StoredSchedule {
    if (this.list().length >= MAX_SCHEDULES) {
      throw limitReached(MAX_SCHEDULES, 'schedules')
    }
    const nextAtMs = fields.enabled ? nowMs + fields.intervalSec * 1000 : null
    const times = { createdAtMs: nowMs, updatedAtMs: nowMs, nextAtMs }
    return this.put({ ...fields, id: `sch_${randomText(16)}`, rights, ...times, begun: 0, last: null })
  }

  /** Changes a schedule. A new interval or a new start sets the next run to one interval from now. */
  change(known: StoredSchedule, fields: Partial<Fields>, rights: SchedulePermission, nowMs: number): StoredSchedule {
    const changed = { ...known, ...fields, rights, updatedAtMs: nowMs }
    const restarts = changed.intervalSec !== known.intervalSec || known.nextAtMs === null
    const next = restarts ? nowMs + changed.intervalSec * 1000 : known.nextAtMs
    return this.put({ ...changed, nextAtMs: changed.enabled ? next : null, begun: restarts ? 0 : known.begun })
  }

  delete(id: string): void {
    this.#ownPages.around(() => this.#kv.delete(PREFIX + id))
  }

  put(schedule: StoredSchedule): StoredSchedule {
    this.#ownPages.around(() => this.#kv.put(PREFIX + schedule.id, schedule))
    if (schedule.nextAtMs !== null) this.#sweepAt(schedule.nextAtMs)
    return schedule
  }

  /** Records a due run, in its transaction. Missed runs are skipped. */
  recordRun(schedule: StoredSchedule, last: LastRun): void {
    const { nextAtMs, intervalSec } = schedule
    const interval = intervalSec * 1000
    const missed = nextAtMs === null ? 0 : Math.max(0, Math.floor((last.atMs - nextAtMs) / interval))
    const next = nextAtMs === null ? null : nextAtMs + (missed + 1) * interval
    this.put({ ...schedule, nextAtMs: next, begun: 0, last: cut(last) })
  }

  /** Records a manual run; the time of the next run doesn't change. */
  recordManualRun(schedule: StoredSchedule, last: LastRun): StoredSchedule {
    return this.put({ ...schedule, last: cut(last) })
  }
}

const cut = (last: LastRun): LastRun => ({ ...last, error: last.error?.slice(0, MAX_ERROR) ?? null })

/** Returns a schedule in its wire form. */
export const toSchedule = ({ last, ...stored }: StoredSchedule): Schedule => ({
  id: stored.id,
  name: stored.name,
  sql: stored.sql,
  params: stored.params,
  intervalSec: stored.intervalSec,
  enabled: stored.enabled,
  createdAt: toIso(stored.createdAtMs),
  updatedAt: toIso(stored.updatedAtMs),
  nextRunAt: toIso(stored.nextAtMs),
  lastRunAt: toIso(last?.atMs),
  lastStatus: last?.status ?? null,
  lastError: last?.error ?? null,
  lastDurationMs: last?.durationMs ?? null,
  lastRowsRead: last?.rowsRead ?? null,
  lastRowsWritten: last?.rowsWritten ?? null,
})
