/** The number of concurrent tasks. Each has its own SQLite memory while it works. */
const MAX_AT_ONCE = 2
const GIVEN_UP_MS = 15_000
/** Tasks of this process, with the time of their last renewal. */
const working = new Map<object, number>()

/** Waits for a free slot. It polls, because an object must not await another object's promises. */
export async function acquireSlot(who: object): Promise<void> {
  for (;;) {
    for (const [other, sinceMs] of working) if (sinceMs < Date.now() - GIVEN_UP_MS) working.delete(other)
    if (working.has(who) || working.size < MAX_AT_ONCE) break
    await scheduler.wait(50)
  }
  renewSlot(who)
}

/** Renews a slot. Call it regularly: a slot without a renewal is given to another task. */
export const renewSlot = (who: object): void => void working.set(who, Date.now())

export const releaseSlot = (who: object): void => void working.delete(who)
