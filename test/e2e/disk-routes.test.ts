import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { api, getEntryPoints, type Operation } from '@persql/contract'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { repository } from '../../apps/launcher/src/paths.ts'
import { startPlatform, type TestPlatform } from '../harness.ts'

const MB = 1024 * 1024
/** The levels of the disk: in the reserve, and with room for reads only. */
const LEVELS = { low: 999 * MB, full: 99 * MB } as const
type Level = keyof typeof LEVELS

let platform: TestPlatform
beforeAll(async () => {
  platform = await startPlatform()
  await platform.createNamespace('acme')
})
afterAll(async () => {
  const log = await platform.readRequestLog()
  await platform.discard()
  // Responses of pages have no code in the log.
  const unexpected = log.filter((line) => /"status":5/.test(line) && !/"status":507|"payments_unavailable"/.test(line))
  expect(unexpected).toEqual([])
})

async function setDisk(freeBytes: number): Promise<void> {
  const body = { freeBytes, reserveBytes: 1_000 * MB }
  expect((await platform.request('/api/launcher/disk', { token: platform.secret, body })).status).toBe(200)
}

/** Operations that run at every level: deletions, and those whose statements the engine checks. */
const ALWAYS = new Set([
  ...['query', 'batch', 'script', 'validate', 'explain', 'apply', 'redeem_approval'],
  ...['begin_transaction', 'run_in_transaction', 'commit_transaction', 'rollback_transaction'],
  ...['ask', 'generate_sql', 'try_endpoint', 'run_schedule'],
])
/** Operations that replace a few bytes. All others store something. */
const SMALL = new Set([
  ...['rotate_token', 'rotate_session_key', 'rotate_webhook_secret', 'pause_endpoint', 'create_session'],
  ...['approve_request', 'deny_request', 'set_member_role', 'update_settings', 'top_up', 'transfer_balance'],
  ...['credit_namespace', 'suspend_namespace', 'resume_namespace', 'make_namespace_owner', 'update_database'],
])
const operations = Object.entries(api as Record<string, Operation>).flatMap(([name, operation]) =>
  getEntryPoints(operation)
    .filter(([, { method }]) => method !== 'GET')
    .map(([door, { method, path }]) => ({ name, door, method, path: path.replace(/\{\w+\}/g, 'acme') })),
)

/** Routes that aren't operations, and the levels at which they are refused. */
const ROUTES: Record<string, { body?: string; refused: readonly Level[] }> = {
  '/oauth/register': { body: JSON.stringify({ redirect_uris: ['https://a.example/'] }), refused: ['low', 'full'] },
  '/oauth/authorize': { refused: ['low', 'full'] },
  '/oauth/token': { refused: [] },
  '/oauth/revoke': { refused: [] },
  '/login': { body: 'email=a%40example.com&password=wrong', refused: [] },
  '/logout': { refused: [] },
  '/signup': { body: 'email=a%40example.com&password=correct+horse+battery', refused: ['low', 'full'] },
  '/invite/:token': { refused: ['low', 'full'] },
  '/approve/:token': { refused: ['full'] },
  '/api/stripe/webhook': { refused: ['full'] },
  '/api/auth/sign-up/email': { refused: ['low', 'full'] },
  '/api/auth/sign-in/email': { refused: [] },
  '/api/auth/sign-in/social': { refused: [] },
  '/api/auth/sign-out': { refused: [] },
  '/api/auth/request-password-reset': { refused: ['full'] },
  '/api/auth/send-verification-email': { refused: ['full'] },
  '/api/auth/change-password': { refused: ['full'] },
  '/api/auth/update-user': { refused: ['full'] },
}

describe.each(Object.entries(LEVELS) as [Level, number][])('with a disk that is %s', (level, freeBytes) => {
  beforeAll(() => setDisk(freeBytes))
  afterAll(() => setDisk(5_000 * MB))

  test.each(operations)('$name through the $door door ($method $path)', async ({ name, method, path }) => {
    const { status } = await platform.request(path, { method, ...(method !== 'DELETE' && { body: {} }) })
    const runs = method === 'DELETE' || ALWAYS.has(name) || (SMALL.has(name) && level === 'low')
    expect(status === 507).toBe(!runs)
  })

  test.each(Object.entries(ROUTES))('POST %s', async (path, { body = '{}', refused }) => {
    const isForm = path === '/oauth/authorize' || !/^[[{]/.test(body)
    const headers = { 'content-type': isForm ? 'application/x-www-form-urlencoded' : 'application/json' }
    const { status } = await platform.request(path, { body, headers: { ...headers, origin: platform.url } })
    expect(status === 507, `status ${status}`).toBe(refused.includes(level))
  })
})

test('the table has every route that takes a POST request', () => {
  const root = join(repository, 'apps/platform/src')
  const sources = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((path) => /^(index\.ts$|http\/|oauth\/|mcp\/)/.test(path) && /(?<!\.test)\.ts$/.test(path))
    .map((path) => join(root, path))
  const found = sources.flatMap((path) => {
    // Only the launcher and tests call these.
    if (/(launcher|dev)-routes\.ts$/.test(path)) return []
    const text = readFileSync(path, 'utf8')
    return [
      ...[...text.matchAll(/\.post\('([^']+)'/g)].map(([, route]) => route),
      ...[...text.matchAll(/'POST (\/[^']+)': /g)].map(([, route]) => route),
      ...[...text.matchAll(/for \(const path of \[([^\]]+)\]/g)].flatMap(
        ([, list = '']) => list.match(/\/[\w-]+/g) ?? [],
      ),
    ]
  })
  expect(found.length).toBeGreaterThan(8)
  expect([...new Set(found)].filter((route) => !((route as string) in ROUTES))).toEqual([])
})
