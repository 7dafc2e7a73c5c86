import { PerSQLError } from '@persql/contract'
import { directoryObject } from '../../api/objects.ts'
import { findStartingCells } from '../../cells.ts'
import { getReaderPool } from '../../database/reads/reader-pool.ts'
import { diskStatus } from '../../disk-space.ts'
import type { Env } from '../../env.ts'
import { fetchQueue, hasHashing } from '../../integrations/password-hashing.ts'

/** The result of all checks. A part that the instance doesn't have has no field. */
export interface Readiness {
  /** Whether the instance serves everything. */
  readonly ok: boolean
  /** Whether objects respond. `elsewhere`: the Directory is in another cell, which doesn't run. */
  readonly objects: 'ok' | 'elsewhere' | 'failed' | 'timeout'
  readonly disk?: NonNullable<ReturnType<typeof diskStatus>>
  readonly readers?: 'ok' | 'starting' | 'down'
  /** Whether the other cells have responded since this one started. */
  readonly cells?: 'ok' | 'starting'
  readonly hashing?: 'ok' | 'down'
  /** The missing parts, in sentences. Absent if the instance is ready. */
  readonly message?: string
}

/** The time in which objects and processes must respond. */
const LIMIT_MS = 1_000
/** The time between two checks. */
const FRESH_MS = 1_000
/** The time after which the request that runs a check has been given up: then the check doesn't end. */
const GIVEN_UP_MS = 2 * LIMIT_MS
/** A name that no namespace can have. */
const NO_NAMESPACE = '-'

/** The last result, and the check that runs, with the times when they started. */
let last: { readonly atMs: number; readonly readiness: Readiness } | undefined
let running: { readonly atMs: number; readonly result: Promise<Readiness> } | undefined

/** Responds to `GET /readyz`: 200 if this process serves everything, else 503. */
export async function answerReadiness(env: Env): Promise<Response> {
  const readiness = await readReadiness(env)
  return Response.json(readiness, {
    status: readiness.ok ? 200 : 503,
    headers: { 'Cache-Control': 'no-store' },
  })
}

/** Checks at most once a second, so that requests can't cause load. Requests during a check wait for its result. */
async function readReadiness(env: Env): Promise<Readiness> {
  const atMs = performance.now()
  if (last !== undefined && atMs - last.atMs < FRESH_MS) return last.readiness
  if (running !== undefined && atMs - running.atMs < GIVEN_UP_MS) {
    const shared = await Promise.race([running.result, scheduler.wait(GIVEN_UP_MS).then(() => undefined)])
    if (shared !== undefined) return shared
  }
  const result = check(env)
  running = { atMs, result }
  const readiness = await result
  if (running?.result === result) running = undefined
  if (last === undefined || last.atMs < atMs) last = { atMs, readiness }
  return readiness
}

async function check(env: Env): Promise<Readiness> {
  const [objects, readers, starting, queue] = await Promise.all([
    checkObjects(env),
    getReaderPool(env)?.findState(LIMIT_MS),
    findStartingCells(env, LIMIT_MS),
    hasHashing(env) ? fetchQueue(env, LIMIT_MS).catch(() => undefined) : undefined,
  ])
  const disk = diskStatus()
  const isHashing = !hasHashing(env) || queue !== undefined
  const missing = [
    OBJECT_PROBLEMS[objects],
    disk && DISK_PROBLEMS[disk],
    readers && READER_PROBLEMS[readers],
    starting.length > 0 && `Not listening yet: ${starting.map((cell) => `cell ${cell}`).join(', ')}.`,
    !isHashing && "The process that hashes passwords doesn't respond.",
  ].filter((problem) => typeof problem === 'string')
  return {
    ok: missing.length === 0,
    objects,
    ...(disk !== undefined && { disk }),
    ...(readers !== undefined && { readers }),
    ...(env.PERSQL_CELLS && { cells: starting.length === 0 ? 'ok' : 'starting' }),
    ...(hasHashing(env) && { hashing: isHashing ? 'ok' : 'down' }),
    ...(missing.length > 0 && { message: missing.join(' ') }),
  }
}

const OBJECT_PROBLEMS: Readonly<Record<Readiness['objects'], string | undefined>> = {
  ok: undefined,
  elsewhere: undefined,
  failed: "The Directory can't be read.",
  timeout: `The Directory didn't respond within ${LIMIT_MS / 1_000} s.`,
}
const DISK_PROBLEMS: Readonly<Record<NonNullable<Readiness['disk']>, string | undefined>> = {
  ok: undefined,
  low: 'The disk has less free space than its reserve.',
  full: 'The disk is full.',
}
const READER_PROBLEMS: Readonly<Record<NonNullable<Readiness['readers']>, string | undefined>> = {
  ok: undefined,
  starting: 'No reader listens yet.',
  down: 'No reader runs.',
}

/** Makes one small read of the Directory, which creates nothing. */
async function checkObjects(env: Env): Promise<Readiness['objects']> {
  const answered = directoryObject(env)
    .has(NO_NAMESPACE)
    .then(
      () => 'ok' as const,
      // A proxy must not remove all cells because one restarts.
      (cause: unknown) => (PerSQLError.from(cause).code === 'cell_unavailable' ? 'elsewhere' : 'failed'),
    )
  return Promise.race([answered, scheduler.wait(LIMIT_MS).then(() => 'timeout' as const)])
}
