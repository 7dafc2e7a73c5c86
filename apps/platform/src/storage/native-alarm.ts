import { alarmAt } from '../clock.ts'
import type { Alarm } from './alarm.ts'

/** Returns the alarm that the runtime keeps. */
export const nativeAlarm = (storage: DurableObjectStorage): Alarm => ({
  // An alarm can fire slightly early. The runtime would then ignore a new alarm for the same time, so it is set later.
  set: (atMs) => void storage.setAlarm(Math.max(alarmAt(atMs), Date.now() + 2)),
  restore: () => {
    // The runtime saves it with the data.
  },
  clear: () => storage.deleteAlarm(),
  during: async (work, next) => {
    await work()
    return next()
  },
})
