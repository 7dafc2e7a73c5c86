import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startPlatform, type TestPlatform } from '../harness.ts'
import { oauthClient } from '../oauth.ts'
import { builtCli } from './program.ts'

let cli: Awaited<ReturnType<typeof builtCli>>
let platform: TestPlatform
let browser: ReturnType<typeof oauthClient>

beforeAll(async () => {
  ;[cli, platform] = await Promise.all([builtCli(), startPlatform({ environment: { PERSQL_DEV: '1' } })])
  browser = oauthClient(platform, await platform.signUp('owner@example.com'))
})
afterAll(async () => {
  await platform?.stop()
  await cli?.remove()
})

/** Logs in with a browser that opens the printed URL and submits the choice. */
async function login(
  env: Record<string, string>,
  choice: Record<string, string>,
  before?: (back: URL) => Promise<void>,
) {
  const decide = async (shown: string) => {
    const { searchParams } = new URL(/^http\S+\/oauth\/authorize\S+/m.exec(shown)?.[0] ?? '')
    await before?.(new URL(searchParams.get('redirect_uri') ?? ''))
    const { location } = await browser.consent(searchParams, { choice })
    await fetch(location)
  }
  const steps = [{ after: '&resource=', type: decide }]
  return cli.inTerminal(['login', '--url', platform.url], { BROWSER: 'true', ...env }, steps)
}

test('login goes through the browser, and is renewed when it expires', async () => {
  const env = { XDG_CONFIG_HOME: join(cli.folder, 'by-browser') }
  const { code, stdout } = await login(env, { role: 'readwrite' }, async (back) => {
    // A request to the port without the state is rejected.
    back.search = '?code=forged&state=guessed'
    expect((await fetch(back)).status).toBe(404)
  })
  expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringContaining('Logged in to owner') })

  const file = join(env.XDG_CONFIG_HOME, 'persql/config.json')
  const config = async () => JSON.parse(await readFile(file, 'utf8'))
  const first = await config()
  expect(stdout).not.toContain(first.profiles.default.token)
  const whoami = () => cli.run(['whoami', '--json'], { env })
  expect(JSON.parse((await whoami()).stdout)).toMatchObject({ namespaceSlug: 'owner', role: 'readwrite' })
  expect(await config()).toEqual(first)

  first.profiles.default.renewal.expiresAt = 0
  await writeFile(file, JSON.stringify(first))
  expect(await whoami()).toMatchObject({ code: 0, stderr: '' })
  const second = await config()
  expect(second.profiles.default.token).not.toBe(first.profiles.default.token)
  expect(second.profiles.default.renewal.expiresAt).toBeGreaterThan(Date.now())

  second.profiles.default.renewal = { ...second.profiles.default.renewal, refreshToken: 'made-up', expiresAt: 0 }
  await writeFile(file, JSON.stringify(second))
  expect(await whoami()).toMatchObject({ code: 3, stderr: expect.stringContaining('Run persql login.') })
})

test('a login that is refused in the browser ends with exit code 3, and keeps nothing', async () => {
  const env = { XDG_CONFIG_HOME: join(cli.folder, 'refused') }
  const { code, stdout } = await login(env, { decision: 'deny' })
  expect({ code, stdout }).toMatchObject({ code: 3, stdout: expect.stringContaining('Login failed') })
  expect(await cli.run(['whoami'], { env })).toMatchObject({
    code: 3,
    stderr: expect.stringContaining('Not logged in. Run persql login'),
  })
})
