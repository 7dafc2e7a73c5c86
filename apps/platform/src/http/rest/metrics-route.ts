import { getReaderPool } from '../../database/reads/reader-pool.ts'
import type { Env } from '../../env.ts'
import { fetchQueue, hasHashing } from '../../integrations/password-hashing.ts'
import { EXPOSITION_TYPE, formatExposition, type Sample } from '../../metrics/exposition.ts'
import { collectLauncherReport } from '../../metrics/launcher-report.ts'
import { namespaceUse } from '../../metrics/namespace-use.ts'
import { getSettings } from '../../settings.ts'
import { VERSION } from '../../version.ts'

/** The time in which the process that hashes passwords must respond. */
const LIMIT_MS = 1_000

/** Responds to `GET /metrics` with all metrics of this process. The caller has been checked. */
export async function answerMetrics(env: Env): Promise<Response> {
  const text = formatExposition([
    { name: 'persql_build_info', labels: { version: VERSION, runtime: getSettings(env).runtime }, value: 1 },
    ...namespaceUse.collect(Date.now()),
    ...collectReads(env),
    ...(await collectHashing(env)),
    ...collectLauncherReport(Date.now()),
  ])
  return new Response(text, { headers: { 'Content-Type': EXPOSITION_TYPE } })
}

function collectReads(env: Env): Sample[] {
  const pool = getReaderPool(env)
  if (pool === undefined) return []
  return [
    { name: 'persql_reads_waiting', value: pool.slots.waitingCount },
    { name: 'persql_open_results_bytes', value: pool.getOpenBytes(Date.now()) },
  ]
}

/** Returns nothing while the process restarts. */
async function collectHashing(env: Env): Promise<Sample[]> {
  if (!hasHashing(env)) return []
  const queue = await fetchQueue(env, LIMIT_MS).catch(() => undefined)
  if (queue === undefined) return []
  const lanes = Object.entries(queue.lanes).flatMap(([lane, { waiting, refused }]): Sample[] => [
    { name: 'persql_hashing_waiting', labels: { lane }, value: waiting },
    { name: 'persql_hashing_refusals_total', labels: { lane }, value: refused },
  ])
  return [{ name: 'persql_hashing_running', value: queue.running }, ...lanes]
}
