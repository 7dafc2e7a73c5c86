import { expect, test } from 'vitest'
import { MemoryStore } from '../../../../../test/memory-store.ts'
import type { BackupStore } from '../store.ts'
import { type Lease, withBackupLease } from './lease.ts'
import { prune } from './prune.ts'

const now = new Date('2026-11-29T22:30:00Z')
const clock = () => now.getTime()
const file = 'a'.repeat(64)
const old = 'backups/2026-11-01T00-00-00Z.json'
const current = 'backups/2026-11-29T22-30-00Z.json'
const manifest = JSON.stringify({ objects: [{ sha256: file, bytes: 1 }] })

type Program = 0 | 1
const other = (program: Program): Program => (program === 0 ? 1 : 0)

/**
 * Runs two programs, one step at a time. While both have a step, each choice says whether to switch to the other one.
 */
class Schedule {
  readonly made: boolean[] = []
  readonly #choices: readonly boolean[]
  readonly #steps: [(() => void) | undefined, (() => void) | undefined] = [undefined, undefined]
  /** Whether the program waits for the other one. */
  readonly #waits: [boolean, boolean] = [false, false]

  constructor(choices: readonly boolean[]) {
    this.#choices = choices
  }

  /** Resolves when it is the program's turn. */
  readonly turn = (program: Program) => (): Promise<void> =>
    new Promise((resolve) => {
      this.#steps[program] = resolve
    })

  /** Resolves when it is the program's turn, and the other one has made a step since. */
  readonly wait = (program: Program) => (): Promise<void> => {
    this.#waits[program] = true
    return this.turn(program)()
  }

  async run(programs: readonly Promise<unknown>[]): Promise<void> {
    let isRunning = true
    const all = Promise.all(programs).finally(() => {
      isRunning = false
    })
    for (let current: Program = 0; ; ) {
      await new Promise((resolve) => setImmediate(resolve))
      if (!isRunning) break
      current = this.#choose(current)
      const step = this.#steps[current]
      if (step === undefined) continue
      this.#steps[current] = undefined
      this.#waits[other(current)] = false
      step()
    }
    await all
  }

  #choose(current: Program): Program {
    const isReady = (program: Program) => this.#steps[program] !== undefined && !this.#waits[program]
    if (!isReady(current) || !isReady(other(current))) return isReady(current) ? current : other(current)
    const isSwitch = this.#choices[this.made.length] ?? false
    this.made.push(isSwitch)
    return isSwitch ? other(current) : current
  }
}

/** Backs up one object whose file may be stored already, like a backup of many. */
async function backUp(store: BackupStore, lease: Lease): Promise<void> {
  const stored = new Set<string>()
  for await (const { name } of store.list('files/')) stored.add(name)
  if (!stored.has(`files/${file}`)) await store.write(`files/${file}`, { text: 'x' })
  lease.assertHeld()
  await store.write(current, { text: manifest })
}

type Protect = (store: BackupStore, work: (lease: Lease) => Promise<void>, wait: () => Promise<void>) => Promise<void>

/** Tries all interleavings of a backup with pruning, and returns how many there are and how many lose a file. */
async function tryInterleavings(
  blobs: Record<string, string>,
  protect: Protect,
): Promise<{ tried: number; lost: number }> {
  let [tried, lost] = [0, 0]
  for (let choices: boolean[] | undefined = []; choices !== undefined; tried += 1) {
    const schedule = new Schedule(choices)
    const [forBackup, forPruning] = [new MemoryStore(schedule.turn(0)), new MemoryStore(schedule.turn(1))]
    const shared = new Map(Object.entries(blobs))
    for (const store of [forBackup, forPruning]) store.blobs = shared
    const backup = protect(forBackup, (lease) => backUp(forBackup, lease), schedule.wait(0))
    await schedule.run([backup, prune(forPruning, '1h', now, { now: clock })])
    if (!shared.has(`files/${file}`)) lost += 1
    choices = findNext(schedule.made)
  }
  return { tried, lost }
}

/** Returns the choices after these, as in counting. */
function findNext(made: readonly boolean[]): boolean[] | undefined {
  const next = [...made]
  while (next.at(-1) === true) next.pop()
  if (next.length === 0) return undefined
  next[next.length - 1] = true
  return next
}

const initial: [what: string, blobs: Record<string, string>][] = [
  ['a file that no backup names any more', { [`files/${file}`]: 'x' }],
  [
    'a file that only an old backup names',
    {
      [`files/${file}`]: 'x',
      [old]: manifest,
      'backups/2026-11-29T22-00-00Z.json': JSON.stringify({ sha256: 'b'.repeat(64) }),
    },
  ],
]

test.each(initial)('a backup that needs %s never loses it to pruning', async (_what, blobs) => {
  const { tried, lost } = await tryInterleavings(blobs, (store, work, wait) =>
    withBackupLease(store, work, { now: clock, wait }),
  )
  expect(lost).toBe(0)
  expect(tried).toBeGreaterThan(50)
})

test.each(initial)('without a lease, a backup that needs %s can lose it', async (_what, blobs) => {
  const { lost } = await tryInterleavings(blobs, (_store, work) => work({ assertHeld: () => {} }))
  expect(lost).toBeGreaterThan(0)
})
