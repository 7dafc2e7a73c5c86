import { readFileSync } from 'node:fs'
import { test } from 'vitest'
import { startPlatform } from '../harness.ts'
import { branchOf, databaseWith, merge, ran, rowsOf } from '../merging.ts'

const S = Number(process.env.S ?? 1)
test('perf', async () => {
  const platform = await startPlatform({ environment: { PERSQL_WELCOME_CREDIT_USD: '50' } })
  const { token } = await platform.createNamespace('acme')
  const cpu = () => { const f = readFileSync(`/proc/${platform.pid()}/stat`, 'utf8').split(') ')[1]!.split(' '); return (Number(f[11]) + Number(f[12])) / 100 }
  const rss = () => Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${platform.pid()}/status`, 'utf8'))?.[1]) / 1024
  const reset = () => { try { require('node:fs').writeFileSync(`/proc/${platform.pid()}/clear_refs`, '5') } catch {} }
  const db = await databaseWith(platform, token, ['CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b REAL, c TEXT)', 'CREATE INDEX by_a ON t (a)'])
  const branch = await branchOf(platform, db)
  const fill = (from: number, count: number, tag: string) => `WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ${count - 1}) INSERT INTO t SELECT ${from} + i, 'name ' || i, i * 1.5, '${tag} some more text for the row ' || i FROM n`
  await ran(db, fill(0, 500_000 * S, 'parent'))
  await ran(branch, fill(400_000 * S, 200_000 * S, 'branch'))
  const timed = async (name: string, work: () => Promise<any>) => {
    reset()
    const start = performance.now(); const c = cpu()
    const answer = await work()
    const d = answer.data ?? answer
    console.log(name, Math.round(performance.now() - start), 'ms', 'cpu', (cpu() - c).toFixed(2), Math.round(rss()), 'MiB', answer.code, JSON.stringify((d.data ?? answer.merge?.data)?.tables), JSON.stringify(answer.meta))
  }
  await timed('preview', () => merge(db, { onConflict: 'branch' }))
  await timed('merge 1', () => merge(db, { mode: 'data', onConflict: 'branch' }))
  await timed('preview nothing', () => merge(db))
  await timed('merge nothing', () => merge(db, { mode: 'data' }))
  await ran(branch, `UPDATE t SET c = 'changed' WHERE id < ${500_000 * S}`, `DELETE FROM t WHERE id >= ${550000 * S}`)
  await ran(db, `UPDATE t SET c = 'mine' WHERE id >= ${500000*S} AND id < ${550000*S}`, fill(700_000, 1000, 'x'))
  await timed('preview 2', () => merge(db))
  await timed('merge 2', () => merge(db, { mode: 'data' }))
  await ran(branch, `UPDATE t SET c = 'one' WHERE id = ${400000*S}`)
  await timed('preview 1 row', () => merge(db))
  await timed('merge 1 row', () => merge(db, { mode: 'data' }))
  console.log(platform.stderr.slice(-8).join('\n'))
  await platform.stop()
}, 300_000)
