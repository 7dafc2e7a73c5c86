import { alarmAt } from '../clock.ts'
import type { Alarm } from './alarm.ts'

/** Returns the alarm that the runtime keeps. */
export const nativeAlarm = (storage: DurableObjectStorage): Alarm => ({
  set: (atMs) => void storage.setAlarm(toAlarmTime(atMs)),
  // The runtime saves it with the data, but drops it after several failures, such as those of a full disk.
  restore: (next) => {
    setTimeout(() => void rearm(storage, next), 0)
  },
  clear: () => storage.deleteAlarm(),
  during: async (work, next) => {
    await work()
    return next()
  },
  handOver: () => undefined,
})

async function rearm(storage: DurableObjectStorage, next: () => number | undefined): Promise<void> {
  const atMs = next()
  if (atMs !== undefined && (await storage.getAlarm()) === null) await storage.setAlarm(toAlarmTime(atMs))
}

/** An alarm can fire slightly early. The runtime would then ignore a new alarm for the same time, so it is set later. */
const toAlarmTime = (atMs: number): number => Math.max(alarmAt(atMs), Date.now() + 2)
