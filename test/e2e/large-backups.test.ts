import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeDataFolder, removeDataFolder } from '../data-folder.ts'
import { LaunchedInstance, runOperator } from '../launched-instance.ts'

/** From 500 objects on, backups share a list. */
const DATABASES = 500

let live: LaunchedInstance
let restored: LaunchedInstance
let target: string
beforeAll(async () => {
  // Each open database has a lease.
  live = await LaunchedInstance.create({ PERSQL_WELCOME_CREDIT_USD: '500' })
  restored = await LaunchedInstance.create()
  target = await makeDataFolder('persql-target-')
})
afterAll(async () => {
  await live.remove()
  await restored.remove()
  await removeDataFolder(target)
})

async function operate(args: string[], data = live.data): Promise<string> {
  const { code, stdout, stderr } = await runOperator(args, { PERSQL_DATA: data })
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return stdout
}

const listManifests = (): string[] => readdirSync(join(target, 'backups')).sort()

test('many databases are backed up with a short manifest, verified, pruned and restored', async () => {
  await live.start()
  const { token, db } = await live.createNamespace('acme')
  const names = Array.from({ length: DATABASES }, (_, index) => `db-${index}`)
  const left = [...names]
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      for (let slug = left.pop(); slug !== undefined; slug = left.pop()) {
        expect((await live.request('/v1/databases', { token, body: { slug } })).status).toBe(200)
        expect((await db(slug).query('CREATE TABLE t (v)')).status).toBe(200)
      }
    }),
  )
  await live.stop()
  await operate(['backup', target])
  await live.start()
  expect((await db('db-7').query("INSERT INTO t VALUES ('kept')")).status).toBe(200)
  expect((await live.request('/v1/databases/db-8', { token, method: 'DELETE' })).status).toBe(200)
  await live.stop()
  await operate(['backup', target])
  const [first = '', second = ''] = listManifests()
  expect([first, second].every((name) => name.endsWith('.json.gz'))).toBe(true)
  expect(statSync(join(target, 'backups', second)).size).toBeLessThan(10_000)

  expect(await operate(['verify', target, '--quick'])).toContain('is whole')
  const [id] = first.split('.json')
  expect(await operate(['verify', target, '--quick', '--backup', id as string])).toContain('is whole')
  expect(await operate(['backup', target, '--keep', '1h'])).toMatch(/Deleted \d+ backups? and \d+ files?\./)
  expect(await operate(['verify', target, '--quick'])).toContain('is whole')

  await operate(['restore', target], restored.data)
  await restored.start()
  expect((await restored.database('acme', 'db-7', token).query('SELECT v FROM t')).body.data.rows).toEqual([['kept']])
  expect((await restored.request('/v1/databases/db-8', { token })).status).toBe(404)
  expect((await restored.request('/v1/databases/db-9', { token })).status).toBe(200)
})
