import type { Alarm } from '../storage/alarm.ts'
import { Timers } from '../storage/timers.ts'
import { timers as replays } from './calls/idempotency.ts'
import { timers as rateLimits } from './endpoints/rate-limits.ts'
import { timers as sockets } from './events/change-feed/sockets.ts'
import { timers as schedules } from './events/schedules/run.ts'
import { timers as webhooks } from './events/webhooks/delivery-worker.ts'
import { timers as scratch } from './insights/index-advisor/scratch-database.ts'
import { timers as approvals } from './review/approvals/requests.ts'
import { timers as audit } from './review/audit-outbox.ts'
import { timers as proposals } from './review/proposals/store.ts'
import { timers as imports } from './transfer/import-stage.ts'
import { timers as snapshots } from './versions/snapshots/snapshots.ts'

/** The services that run when timers are due. */
type TimerServices = Parameters<typeof scratch>[0] &
  Parameters<typeof approvals>[0] &
  Parameters<typeof audit>[0] &
  Parameters<typeof rateLimits>[0] &
  Parameters<typeof sockets>[0] &
  Parameters<typeof snapshots>[0] &
  Parameters<typeof proposals>[0] &
  Parameters<typeof replays>[0] &
  Parameters<typeof schedules>[0] &
  Parameters<typeof imports>[0] &
  Parameters<typeof webhooks>[0]

const handlersFor = (services: TimerServices) => ({
  ...replays(services),
  ...rateLimits(services),
  ...audit(services),
  ...scratch(services),
  ...imports(services),
  ...snapshots(services),
  ...approvals(services),
  ...proposals(services),
  ...schedules(services),
  ...sockets(services),
  ...webhooks(services),
})

/** The names of the timers of a database, which are storage keys. */
export type TimerName = keyof ReturnType<typeof handlersFor>

/** A handler of a timer. It returns the next due time, unless it sets the timer itself. */
type Due = (nowMs: number) => number | undefined | void | Promise<number | undefined> | Promise<void>

/** Returns the timers of a database. Their handlers are created when the first one is due. */
export function databaseTimers(kv: SyncKvStorage, alarm: Alarm, services: TimerServices): Timers<TimerName> {
  let known: Readonly<Record<TimerName, Due>> | undefined
  const timers: Timers<TimerName> = new Timers(kv, alarm, async (name, nowMs) => {
    known ??= handlersFor(services)
    const nextMs = await known[name](nowMs)
    if (typeof nextMs === 'number') timers.set(name, nextMs)
  })
  return timers
}
