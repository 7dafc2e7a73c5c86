/** How many work at once: each has SQLite's memory of its own for as long as it works. */
const MAX_AT_ONCE = 2
const GIVEN_UP_MS = 15_000
/** Of this process, each with when it was last seen. */
const working = new Map<object, number>()

/** Waits until few enough are working. Promises of other objects must not be awaited, so it looks now and then. */
export async function acquireSlot(who: object): Promise<void> {
  for (;;) {
    for (const [other, sinceMs] of working) if (sinceMs < Date.now() - GIVEN_UP_MS) working.delete(other)
    if (working.has(who) || working.size < MAX_AT_ONCE) break
    await scheduler.wait(50)
  }
  renewSlot(who)
}

/** To be called now and then by whoever has a turn: who is not seen any more has lost it. */
export const renewSlot = (who: object): void => void working.set(who, Date.now())

export const releaseSlot = (who: object): void => void working.delete(who)
