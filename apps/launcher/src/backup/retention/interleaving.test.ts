import { expect, test } from 'vitest'
import { makeManifest, nameFiles } from '../../../../../test/backup-manifest.ts'
import { MemoryStore } from '../../../../../test/memory-store.ts'
import { findNewest, writeManifest } from '../manifest-file.ts'
import type { BackupStore } from '../store.ts'
import { StoredFiles } from '../stored-files.ts'
import { type Lease, withBackupLease } from './lease.ts'
import { prune } from './prune.ts'

const now = new Date('2026-11-29T22:30:00Z')
const clock = () => now.getTime()
const [file, otherFile] = ['a'.repeat(64), 'b'.repeat(64)]
/** The times of backups. The rule below keeps only the newest. */
const [old, recent, later, current] = ['01T00:00', '29T22:00', '29T22:20', '29T22:30'].map(
  (time) => `2026-11-${time}:00.000Z`,
) as [string, string, string, string]
const keep = '1h'

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

const complete = (store: BackupStore, startedAt: string, hash: string): Promise<void> =>
  writeManifest(store, { manifest: makeManifest(startedAt, nameFiles([hash])), list: undefined })

/** Backs up one object whose file may be stored already, like a backup of many. */
async function backUp(store: BackupStore, lease: Lease): Promise<void> {
  const stored = await StoredFiles.find(store, { newest: await findNewest(store) })
  await stored.keep(file, { text: 'x' }, 1)
  lease.assertHeld()
  await complete(store, current, file)
}

/** Prunes. With `isAfterOther`, another backup, which doesn't need the file, is completed before. */
async function pruneTarget(store: BackupStore, isAfterOther: boolean): Promise<void> {
  if (isAfterOther) await complete(store, later, otherFile)
  await prune(store, keep, now, { now: clock })
}

type Protect = (store: BackupStore, work: (lease: Lease) => Promise<void>, wait: () => Promise<void>) => Promise<void>

/** Tries all interleavings of a backup with pruning, and returns how many there are and how many lose a file. */
async function tryInterleavings(
  { files, backups, isAfterOther = false }: Target,
  protect: Protect,
): Promise<{ tried: number; lost: number }> {
  let [tried, lost] = [0, 0]
  for (let choices: boolean[] | undefined = []; choices !== undefined; tried += 1) {
    const schedule = new Schedule(choices)
    const [forBackup, forPruning] = [new MemoryStore(schedule.turn(0)), new MemoryStore(schedule.turn(1))]
    const { blobs: shared } = await makeTarget(files, backups)
    for (const store of [forBackup, forPruning]) store.blobs = shared
    const backup = protect(forBackup, (lease) => backUp(forBackup, lease), schedule.wait(0))
    await schedule.run([backup, pruneTarget(forPruning, isAfterOther)])
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

interface Target {
  readonly files: readonly string[]
  /** Backups by the time of their start, with the file that each needs. */
  readonly backups: Readonly<Record<string, string>>
  readonly isAfterOther?: boolean
}

async function makeTarget(files: readonly string[], backups: Target['backups']): Promise<MemoryStore> {
  const store = new MemoryStore()
  for (const hash of files) store.blobs.set(`files/${hash}`, 'x')
  for (const [startedAt, hash] of Object.entries(backups)) await complete(store, startedAt, hash)
  return store
}

const both = [file, otherFile]
const initial: [what: string, target: Target][] = [
  ['a file that no backup names any more', { files: [file], backups: {} }],
  ['a file that an interrupted backup left', { files: both, backups: { [recent]: otherFile } }],
  ['a file that only an old backup names', { files: both, backups: { [old]: file, [recent]: otherFile } }],
  [
    'a file of the newest backup, which another backup replaces as the newest,',
    { files: both, backups: { [recent]: file }, isAfterOther: true },
  ],
]

test.each(initial)('a backup that needs %s never loses it to pruning', async (_what, target) => {
  const { tried, lost } = await tryInterleavings(target, (store, work, wait) =>
    withBackupLease(store, work, { now: clock, wait }),
  )
  expect(lost).toBe(0)
  expect(tried).toBeGreaterThan(50)
})

test.each(initial)('without a lease, a backup that needs %s can lose it', async (_what, target) => {
  const { lost } = await tryInterleavings(target, (_store, work) => work({ assertHeld: () => {} }))
  expect(lost).toBeGreaterThan(0)
})
