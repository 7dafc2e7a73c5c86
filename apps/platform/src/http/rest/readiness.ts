import { PerSQLError } from '@persql/contract'
import { directoryObject } from '../../api/objects.ts'
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
  readonly readers?: 'ok' | 'down'
  readonly hashing?: 'ok' | 'down'
}

/** The time in which objects and processes must respond. */
const LIMIT_MS = 1_000
/** The time between two checks. */
const FRESH_MS = 1_000
/** A name that no namespace can have. */
const NO_NAMESPACE = '-'

let last: Readiness | undefined
let checkedAtMs = Number.NEGATIVE_INFINITY

/** Responds to `GET /readyz`: 200 if this process serves everything, else 503. */
export async function answerReadiness(env: Env): Promise<Response> {
  const readiness = await readReadiness(env)
  return Response.json(readiness, {
    status: readiness.ok ? 200 : 503,
    headers: { 'Cache-Control': 'no-store' },
  })
}

/** Checks at most once a second, so that requests can't cause load. Between two checks, the last result is returned. */
async function readReadiness(env: Env): Promise<Readiness> {
  if (last !== undefined && performance.now() - checkedAtMs < FRESH_MS) return last
  checkedAtMs = performance.now()
  last = await check(env)
  return last
}

async function check(env: Env): Promise<Readiness> {
  const pool = getReaderPool(env)
  const [objects, running, queue] = await Promise.all([
    checkObjects(env),
    pool?.countRunning(LIMIT_MS),
    hasHashing(env) ? fetchQueue(env, LIMIT_MS).catch(() => undefined) : undefined,
  ])
  const disk = diskStatus()
  const isServing = objects === 'ok' || objects === 'elsewhere'
  const hasRoom = disk === undefined || disk === 'ok'
  const hashes = !hasHashing(env) || queue !== undefined
  return {
    ok: isServing && hasRoom && running !== 0 && hashes,
    objects,
    ...(disk !== undefined && { disk }),
    ...(running !== undefined && { readers: running > 0 ? 'ok' : 'down' }),
    ...(hasHashing(env) && { hashing: hashes ? 'ok' : 'down' }),
  }
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
