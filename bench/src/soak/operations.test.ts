import { setTimeout as delay } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { pick } from './operations.ts'

const calls = 1_900

/** Returns the requests of all calls by the number of their call. */
async function record(): Promise<{ call: number; path: string; method: string; body: string }[]> {
  const requests: Awaited<ReturnType<typeof record>> = []
  for (let call = 0; call < calls; call++) {
    await pick(call)(
      async (path, body, method = body === undefined ? 'GET' : 'POST') => {
        requests.push({ call, path, method, body: JSON.stringify(body ?? '') })
      },
      '/v1/db/acme/main',
      call,
    )
  }
  return requests
}

it('the load deletes as many branches, databases and tables as it creates', async () => {
  const requests = await record()
  const count = (found: (request: (typeof requests)[number]) => boolean) => requests.filter(found).length
  const branches = count(({ path, method }) => path.includes('/branches/') && method === 'PUT')
  const databases = count(({ path }) => path === '/v1/databases')
  const imports = count(({ path }) => path.includes('/import?'))
  expect([branches, databases, imports]).toEqual([40, 40, 80])
  expect(count(({ path, method }) => path.includes('/branches/') && method === 'DELETE')).toBe(branches)
  expect(count(({ path, method }) => path.startsWith('/v1/databases/') && method === 'DELETE')).toBe(databases)
  expect(count(({ body }) => body.includes('drop table'))).toBe(imports)
})

it('calls that can run at the same time never create the same branch or database', async () => {
  const creations = (await record()).flatMap(({ call, path, method, body }) => {
    if (path.includes('/branches/') && method === 'PUT') return [{ call, name: path }]
    return path === '/v1/databases' ? [{ call, name: body }] : []
  })
  const last = new Map<string, number>()
  for (const { call, name } of creations) {
    expect(call - (last.get(name) ?? Number.NEGATIVE_INFINITY)).toBeGreaterThanOrEqual(100)
    last.set(name, call)
  }
})

it('an import waits for the previous one of its database, even if that failed', async () => {
  const { call } = (await record()).find(({ path }) => path.includes('/import?')) as { call: number }
  const sent: string[] = []
  const send = async (path: string) => void sent.push(path)
  const lost = new AbortController()
  const first = pick(call)(() => delay(60_000, undefined, lost), 'busy', call)
  const second = pick(call)(send, 'busy', call)
  await pick(call)(send, 'other', call)
  expect(sent.map((path) => path.split('/')[0])).toEqual(['other', 'other'])
  lost.abort()
  await expect(first).rejects.toThrow('aborted')
  await second
  expect(sent.map((path) => path.split('/')[0])).toEqual(['other', 'other', 'busy', 'busy'])
})
