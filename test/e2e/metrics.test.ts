import { afterAll, beforeAll, expect, test } from 'vitest'
import { type MetricDefinition, metrics } from '../../apps/platform/src/metrics/definitions.ts'
import manifest from '../../packages/server/package.json' with { type: 'json' }
import { startPlatform, type TestPlatform } from '../harness.ts'
import { type Family, findValue, parseExposition } from '../prometheus.ts'
import { hasReaders } from '../reader-count.ts'

let platform: TestPlatform
beforeAll(async () => {
  platform = await startPlatform({
    readers: 2,
    hashing: 'socket',
    environment: { QUERY_TIMEOUT_S: '4', PERSQL_QUOTA_DATABASES: '2' },
  })
})
afterAll(() => platform.stop())

async function collect(): Promise<Map<string, Family>> {
  const { status, body } = await platform.request('/metrics')
  expect(status).toBe(200)
  return parseExposition(body)
}
const read = async (name: string, labels: object = {}) => findValue(await collect(), name, labels)
const report = (fields: object, token = platform.secret) =>
  platform.request('/api/launcher/processes', { body: { ...REPORT, ...fields }, token })

const REPORT = {
  cell: 0,
  processes: [
    { process: 'workerd', residentBytes: 1_000, openFds: 20, cpuSeconds: 1.5 },
    { process: 'reader-0', residentBytes: 500, cpuSeconds: 0.25 },
  ],
  readers: 2,
  readerCrashes: 1,
  restarts: { blocked: 1, not_listening: 2, exited: 3, quota: 4, disk: 5 },
  logs: { bytes: 5_000, shortened: 3 },
}

test('the exposition is valid and has every documented metric with its labels', async () => {
  const { db } = await platform.createNamespace('labels')
  await db().query('SELECT 1')
  await db().query('SELEC')
  await report({ backup: { atMs: Date.now(), ok: true } })
  const families = await collect()
  expect([...families.keys()]).toEqual(Object.keys(metrics))
  for (const [name, { type, labels = [] }] of Object.entries(metrics as Record<string, MetricDefinition>)) {
    const family = families.get(name) as Family
    expect(family.type, name).toBe(type)
    for (const sample of family.samples) {
      const { le: _, ...own } = sample.labels
      expect(Object.keys(own), name).toEqual(labels)
    }
  }
})

test('requests are counted by operation, with their times', async () => {
  const { db } = await platform.createNamespace('times')
  const before = await collect()
  for (let i = 0; i < 3; i++) await db().query('SELECT 1')
  const after = await collect()
  const grew = (name: string, labels: object = {}) =>
    (findValue(after, name, labels) ?? 0) - (findValue(before, name, labels) ?? 0)
  expect(grew('persql_requests_total', { operation: 'query', status: '200' })).toBe(3)
  expect(grew('persql_operation_seconds_count', { operation: 'query' })).toBe(3)
  expect(grew('persql_operation_seconds_bucket', { operation: 'query', le: '+Inf' })).toBe(3)
  expect(grew('persql_operation_seconds_sum', { operation: 'query' })).toBeGreaterThan(0)
  // The first request for metrics is a request too.
  expect(grew('persql_request_seconds_count')).toBe(4)
  expect(findValue(after, 'persql_build_info', { version: manifest.version, runtime: 'workerd' })).toBe(1)
})

test('namespaces are listed by their calls and their rows', async () => {
  const { db } = await platform.createNamespace('rows')
  await db().query('CREATE TABLE t (n)')
  await db().query('INSERT INTO t VALUES (1), (2), (3)')
  await db().query('SELECT n FROM t')
  expect(await read('persql_namespace_requests_total', { namespace: 'rows' })).toBe(3)
  expect(await read('persql_namespace_rows_total', { namespace: 'rows' })).toBeGreaterThanOrEqual(6)
})

test('a refusal is counted under its quota', async () => {
  const { make } = await platform.createNamespace('quotas')
  await make()
  await expect(make()).rejects.toThrow('too_many_databases')
  expect(await read('persql_quota_refusals_total', { quota: 'databases' })).toBe(1)
})

test.runIf(hasReaders)('reads in readers are counted while they run and when they are ended', async () => {
  const { db } = await platform.createNamespace('reads')
  const reads = (await read('persql_reader_reads_total')) ?? 0
  const kills = (await read('persql_reader_kills_total', { reason: 'timeout' })) ?? 0
  const endless = () => db().query('WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n')
  // A database uses one reader at a time, so the other read waits.
  const seesBoth = async () => {
    const families = await collect()
    return ['persql_reads_running', 'persql_reads_waiting'].every((name) => findValue(families, name) === 1)
  }
  // On a machine that pauses, the first read can end before it is seen.
  for (let isSeen = false; !isSeen; ) {
    let hasEnded = false
    const both = Promise.all([endless(), endless()]).finally(() => {
      hasEnded = true
    })
    while (!isSeen && !hasEnded) isSeen = await seesBoth()
    for (const { body } of await both) expect(body.code).toBe('query_timeout')
  }
  expect(await read('persql_reads_running')).toBe(0)
  expect(await read('persql_reads_waiting')).toBe(0)
  expect(await read('persql_reader_reads_total')).toBeGreaterThan(reads)
  expect(await read('persql_reader_kills_total', { reason: 'timeout' })).toBeGreaterThan(kills)
  expect(await read('persql_open_results_bytes')).toBe(0)
})

test('the queue of password hashing is read when metrics are collected', async () => {
  let isSeen = false
  const signUps = (async () => {
    for (let i = 0; !isSeen; i++) await platform.signUp(`ada-${i}@example.com`)
  })()
  while (!isSeen) isSeen = ((await read('persql_hashing_running')) ?? 0) > 0
  await signUps
  expect(await read('persql_hashing_running')).toBe(0)
  for (const lane of ['account', 'endpoint']) {
    expect(await read('persql_hashing_waiting', { lane })).toBe(0)
    expect(await read('persql_hashing_refusals_total', { lane })).toBe(0)
  }
})

test('the launcher alone reports processes, restarts and the last backup', async () => {
  expect((await report({}, 'wrong')).status).toBe(401)
  for (const wrong of [{ more: 1 }, { restarts: {} }, { processes: [{ process: 'x"y', residentBytes: 1 }] }]) {
    expect((await report(wrong)).body.code).toBe('invalid_input')
  }
  await report({})
  const families = await collect()
  expect(findValue(families, 'persql_process_resident_bytes', { process: 'workerd' })).toBe(1_000)
  expect(findValue(families, 'persql_process_open_fds', { process: 'workerd' })).toBe(20)
  expect(findValue(families, 'persql_process_open_fds', { process: 'reader-0' })).toBeUndefined()
  expect(findValue(families, 'persql_process_cpu_seconds_total', { process: 'reader-0' })).toBe(0.25)
  expect(findValue(families, 'persql_readers')).toBe(2)
  expect(findValue(families, 'persql_reader_crashes_total')).toBe(1)
  expect(findValue(families, 'persql_watchdog_kills_total', { reason: 'not_listening' })).toBe(2)
  expect(findValue(families, 'persql_cell_restarts_total', { cell: '0', reason: 'exited' })).toBe(3)
  expect(families.get('persql_backup_age_seconds')?.samples).toEqual([])
  await report({ backup: { atMs: Date.now(), ok: false, failures: 1 } })
  expect((await collect()).get('persql_backup_age_seconds')?.samples).toEqual([])
  await report({ backup: { atMs: Date.now(), ok: false, succeededAtMs: Date.now() - 3_600_000, failures: 2 } })
  expect(await read('persql_backup_age_seconds')).toBeGreaterThanOrEqual(3_600)
  expect(await read('persql_backup_success')).toBe(0)
  expect(await read('persql_backup_failures')).toBe(2)
  expect((await collect()).get('persql_backup_interval_seconds')?.samples).toEqual([])
  await report({ backupEveryMs: 60_000 })
  expect(await read('persql_backup_interval_seconds')).toBe(60)
})
