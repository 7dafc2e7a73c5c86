import { randomUUID } from 'node:crypto'
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import type { BackupStore } from '../store.ts'
import { StoreError } from '../stores/store-error.ts'

/*
 * Backups don't store a file that is already there, and pruning deletes files that no manifest names. A backup that counts
 * on a file before its manifest names it would lose the file. So each side first stores a lease, and then looks for leases of
 * the other side: whichever comes second sees the first. If both see each other, pruning gives up and the backup waits for
 * that. Backups don't exclude each other.
 *
 * A lease that wasn't renewed for an hour was left by a process that ended. A holder that couldn't renew its own for half an
 * hour stops, so clocks of different machines can differ by half an hour.
 */
const folder = 'leases/'
const renewMs = 5 * 60_000
const lostAfterMs = 30 * 60_000
const expiredAfterMs = 60 * 60_000
const pollMs = 1_000

type Kind = 'backup' | 'prune'

/** A lease that is held while some work runs. */
export interface Lease {
  /**
   * Call it before the step that counts on the lease, such as writing the manifest.
   * @throws StoreError if the lease couldn't be renewed in time
   */
  assertHeld(): void
}

export interface LeaseOptions {
  /** The clock and the timer, which tests replace. */
  readonly now?: () => number
  readonly wait?: (ms: number) => Promise<unknown>
}

/** Runs a backup while no file of the store is deleted. Waits for pruning that is in progress. */
export async function withBackupLease<T>(
  store: BackupStore,
  work: (lease: Lease) => Promise<T>,
  { now = Date.now, wait = delay }: LeaseOptions = {},
): Promise<T> {
  return withLease(store, 'backup', now, async (lease) => {
    while (await isHeld(store, 'prune', now)) await wait(pollMs)
    return work(lease)
  })
}

/** Runs `work`, which deletes files, while no backup runs. Returns undefined without running it if a backup runs. */
export async function withPruneLease<T>(
  store: BackupStore,
  work: (lease: Lease) => Promise<T>,
  { now = Date.now }: LeaseOptions = {},
): Promise<T | undefined> {
  return withLease(store, 'prune', now, async (lease) =>
    (await isHeld(store, 'backup', now)) ? undefined : work(lease),
  )
}

async function withLease<T>(
  store: BackupStore,
  kind: Kind,
  now: () => number,
  work: (lease: Lease) => Promise<T>,
): Promise<T> {
  const name = `${folder}${kind}-${randomUUID()}.json`
  let renewedAt = now()
  const assertHeld = () => {
    if (now() - renewedAt > lostAfterMs) {
      throw new StoreError('The target was out of reach for more than 30 minutes. Run the command again.')
    }
  }
  const renew = async () => {
    const at = now()
    await store.write(name, { text: JSON.stringify({ kind, renewedAt: new Date(at).toISOString() }) })
    renewedAt = at
  }
  await renew()
  let renewing = Promise.resolve()
  const timer = setInterval(() => {
    // A lease that was lost stays lost: others may have acted on it.
    if (now() - renewedAt <= lostAfterMs) renewing = renew().catch(() => {})
  }, renewMs)
  timer.unref()
  try {
    return await work({ assertHeld })
  } finally {
    clearInterval(timer)
    await renewing
    // It expires if it can't be deleted.
    await store.delete(name).catch(() => {})
  }
}

/** Returns whether a running process holds a lease of this kind. Deletes leases that are expired. */
async function isHeld(store: BackupStore, kind: Kind, now: () => number): Promise<boolean> {
  let isFound = false
  for await (const { name } of store.list(`${folder}${kind}-`)) {
    const lease = await store.read(name)
    if (lease === undefined) continue
    const renewedAt = parseRenewal(name, await text(lease))
    if (now() - renewedAt <= expiredAfterMs) isFound = true
    else await store.delete(name)
  }
  return isFound
}

function parseRenewal(name: string, lease: string): number {
  try {
    const renewedAt = Date.parse(JSON.parse(lease).renewedAt)
    if (!Number.isNaN(renewedAt)) return renewedAt
  } catch {}
  throw new StoreError(`${name} of the target is damaged. Delete it if no backup is running.`)
}
