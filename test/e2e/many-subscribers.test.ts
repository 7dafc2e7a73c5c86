import { readFile } from 'node:fs/promises'
import { WebSocket } from 'undici'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startPlatform, type TestPlatform } from '../harness.ts'

// `SUBSCRIBERS=1000` measures what a connection takes of workerd's memory, and prints it.
const COUNT = Number(process.env.SUBSCRIBERS ?? 100)
const isMeasured = process.env.SUBSCRIBERS !== undefined
const WRITES = 20

interface Subscriber {
  readonly path: string
  events: string[]
  cursor: string
  ws: WebSocket | undefined
}

let platform: TestPlatform
let token: string
beforeAll(async () => {
  platform = await startPlatform({ environment: { PERSQL_WELCOME_CREDIT_USD: '50' } })
  token = (await platform.createNamespace('acme')).token
})
afterAll(() => platform.stop())

const residentMb = async (): Promise<number> => {
  const status = await readFile(`/proc/${platform.pid()}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024
}
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

async function open(subscriber: Subscriber): Promise<void> {
  const query = subscriber.cursor && `?cursor=${subscriber.cursor}`
  const url = `${platform.url.replace('http', 'ws')}${subscriber.path}/subscribe${query}`
  const ws = new WebSocket(url, [`persql.bearer.${token}`])
  subscriber.ws = ws
  await new Promise<void>((resolve, reject) => {
    ws.onmessage = ({ data }) => {
      const { type, table, kind, cursor } = JSON.parse(String(data)) as Record<string, string>
      if (cursor) subscriber.cursor = cursor
      if (type === 'subscribed') resolve()
      else subscriber.events.push(`${table} ${kind}`)
    }
    ws.onerror = () => reject(new Error('refused'))
  })
  ws.onerror = null
}

async function inBatches<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  for (let i = 0; i < items.length; i += 50) await Promise.all(items.slice(i, i + 50).map(work))
}

test.each([
  ['on one database', 1, 'one'],
  ['on as many databases', COUNT, 'many'],
])('%s, many subscribers miss nothing across a crash, and hear of nothing twice', async (name, databases, prefix) => {
  const slugs = Array.from({ length: databases }, (_, i) => `${prefix}${i}`)
  const db = (slug: string) => platform.database('acme', slug, token)
  await inBatches(slugs, async (slug) => {
    await platform.request('/v1/databases', { token, body: { slug } })
    await db(slug).query('CREATE TABLE t (n)')
  })
  if (isMeasured) await pause(1_000)
  const before = await residentMb()
  const subscribers = Array.from(
    { length: COUNT },
    (_, i): Subscriber => ({ path: db(slugs[i % databases] as string).path, events: [], cursor: '', ws: undefined }),
  )
  await inBatches(subscribers, (each) => open(each))
  if (isMeasured) await pause(1_000)
  const perConnection = ((await residentMb()) - before) / COUNT
  const rounds = databases === 1 ? WRITES : 2
  const write = async () => {
    const startedMs = performance.now()
    for (let i = 0; i < rounds; i++) await inBatches(slugs, (slug) => db(slug).query('INSERT INTO t VALUES (1)'))
    return (performance.now() - startedMs) / rounds / databases
  }
  const msPerWrite = await write()
  // A crash with subscribers connected; more is written before they are back.
  await platform.kill()
  await platform.restart()
  await inBatches(slugs, (slug) => db(slug).query('DELETE FROM t'))
  await inBatches(subscribers, (each) => open(each))
  await write()
  const expected = [...Array(rounds).fill('t insert'), 't delete', ...Array(rounds).fill('t insert')].join()
  const received = () => [...new Set(subscribers.map(({ events }) => events.join()))]
  await expect.poll(received).toEqual([expected])
  for (const { ws } of subscribers) ws?.close()
  if (!isMeasured) return
  console.log(
    `${COUNT} ${name}: ${Math.round(perConnection * 1024)} KB a connection, ${msPerWrite.toFixed(1)} ms a write`,
  )
})
