import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { CloudflareDouble } from '../cloudflare-double.ts'
import { DnsDouble } from '../dns-double.ts'
import { type Answer, type RequestOptions, startPlatform, type TestPlatform } from '../harness.ts'

let platform: TestPlatform
let dns: DnsDouble
let cloudflare: CloudflareDouble
beforeAll(async () => {
  dns = await new DnsDouble().start()
  cloudflare = await new CloudflareDouble().start()
  platform = await startPlatform({
    environment: {
      ...dns.environment,
      ...cloudflare.environment,
      PERSQL_URL: 'https://sql.example.com',
      PERSQL_DEV: '1',
    },
  })
})
afterAll(async () => {
  await platform.stop()
  dns.stop()
  cloudflare.stop()
  expect([...dns.complaints, ...cloudflare.complaints]).toEqual([])
})

let number = 0
let acme: ReturnType<typeof tenant> extends Promise<infer T> ? T : never
let host: string
beforeEach(async () => {
  dns.mood = cloudflare.mood = 'well'
  dns.asked = cloudflare.asked = () => {}
  acme = await tenant()
  host = `api.acme-${number}.com`
})

/** A namespace of its own, and what it can do about its hostnames. */
async function tenant(database = 'main') {
  const slug = `ns-${++number}`
  const { token } = await platform.createNamespace(slug, database)
  const { request } = platform.database(slug, database, token)
  return {
    slug,
    token,
    create: (hostname: unknown) => request('/hostnames', { body: { hostname } }),
    list: async () => (await request('/hostnames')).body.data,
    refresh: (hostname: string) => request(`/hostnames/${hostname}/refresh`, { method: 'POST' }),
    remove: (hostname: string) => request(`/hostnames/${hostname}`, { method: 'DELETE' }),
    deleteDatabase: (name = database) => platform.request(`/v1/databases/${name}`, { token, method: 'DELETE' }),
    /** Claims a hostname and sets its record. */
    async prove(hostname: string) {
      const { verification } = (await this.create(hostname)).body.data
      dns.records.set(verification.name, [`"${verification.value}"`])
      return this.refresh(hostname)
    },
  }
}

/** Where requests of a host lead, and whether anything had to be awaited to know. */
async function look(name: string): Promise<{ isAwaited: boolean; hosted: unknown }> {
  const path = `/api/dev/hosted?host=${encodeURIComponent(name)}`
  return (await platform.request(path, { token: platform.secret })).body.data
}
/** Creates a signed-in user on a page of the instance's public URL. */
async function person(name: string) {
  const { email, request } = await platform.signUp(`${name}-${number}@example.com`)
  const headers = { origin: 'https://sql.example.com' }
  return { email, request: (path: string, options: RequestOptions = {}) => request(path, { ...options, headers }) }
}
/** The database that answers at a host, as its public finds it. */
async function hosted(host: string) {
  const { status, body } = await platform.requestAt(host, '/.well-known/endpoints.json')
  if (status !== 200) return null
  const { namespace, database } = body
  return { namespace, database }
}
const leadsTo = (namespace: string, database = 'main') => ({ namespace, database })
const outcome = ({ status, body }: Answer) => [status, body.code]
const eventually = (isSo: () => boolean) => expect.poll(isSo).toBe(true)
/** Returns the audit events about hostnames, which only signed-in users can read. */
async function readAudit(work: (request: TestPlatform['request']) => Promise<void>) {
  const { request } = await person('auditor')
  await request('/api/namespaces', { body: { slug: `audited-${number}` } })
  const path = `/api/namespaces/audited-${number}`
  await request(`${path}/databases`, { body: { slug: 'main' } })
  await work((suffix, options) => request(`${path}/databases/main/hostnames${suffix}`, options))
  const { data } = (await request(`${path}/audit`)).body
  return data.filter(({ action }: { action: string }) => action.startsWith('hostname.')).toReversed()
}

test('a hostname is claimed, proved by its TXT record, certified and looked up', async () => {
  const { status, body } = await acme.create(` ${host.toUpperCase()} `)
  expect(status).toBe(200)
  expect(body.data).toEqual({
    hostname: host,
    status: 'pending',
    verification: {
      type: 'TXT',
      name: `_persql.${host}`,
      value: expect.stringMatching(/^persql-verify=[0-9A-Za-z]{32}$/),
    },
    target: 'sql.example.com',
    certificate: null,
    error: null,
    createdAt: expect.stringMatching(/Z$/),
    verifiedAt: null,
  })
  expect(await acme.list()).toEqual([body.data])
  expect(await hosted(host)).toBe(null)
  const { value } = body.data.verification
  dns.records.set(`_persql.${host}`, ['"v=spf1 -all"', `"${value.slice(0, 20)}" "${value.slice(20)}"`])
  const proved = (await acme.refresh(host)).body.data
  expect(proved).toEqual({
    ...body.data,
    status: 'active',
    certificate: { status: 'initializing', hostnameStatus: 'pending', errors: [] },
    verifiedAt: expect.stringMatching(/Z$/),
  })
  expect(await acme.list()).toEqual([proved])
  expect(await hosted(`${host.toUpperCase()}:8443`)).toEqual(leadsTo(acme.slug))
  expect(await hosted(`${host}.`)).toEqual(leadsTo(acme.slug))
  expect(await hosted(`www.${host}`)).toBe(null)
})

test('a refresh returns the status and errors of the certificate', async () => {
  await acme.prove(host)
  const [entry] = cloudflare.of(host)
  Object.assign(entry ?? {}, {
    status: 'blocked',
    verification_errors: ['custom hostname does not CNAME to this zone.'],
  })
  Object.assign(entry?.ssl ?? {}, { status: 'pending_validation', validation_errors: [{ message: 'CAA records' }] })
  expect((await acme.refresh(host)).body.data.certificate).toEqual({
    status: 'pending_validation',
    hostnameStatus: 'blocked',
    errors: ['CAA records', 'custom hostname does not CNAME to this zone.'],
  })
})

test('asked for again, a claim is the same claim', async () => {
  const { data } = (await acme.create(host)).body
  expect((await acme.create(host)).body.data).toEqual(data)
  expect(await acme.list()).toEqual([data])
})

test('without the record, or with another, a hostname fails and leads nowhere, until the record is there', async () => {
  await acme.create(host)
  const missing = (await acme.refresh(host)).body.data
  expect(missing).toMatchObject({ status: 'failed', certificate: null, verifiedAt: null })
  expect(missing.error).toContain(`TXT record "_persql.${host}" not found.`)
  dns.records.set(`_persql.${host}`, ['"persql-verify=something-else"'])
  const wrong = (await acme.refresh(host)).body.data
  expect(wrong).toMatchObject({ status: 'failed', error: expect.stringContaining(wrong.verification.value) })
  expect(await hosted(host)).toBe(null)
  expect(cloudflare.of(host)).toEqual([])
  expect((await acme.prove(host)).body.data).toMatchObject({ status: 'active', error: null })
  expect(await hosted(host)).toEqual(leadsTo(acme.slug))
})

test('the verified claim of several counts; an unverified claim blocks no other', async () => {
  const squatter = await tenant()
  const squatted = (await squatter.create(host)).body.data.verification
  const claimed = (await acme.create(host)).body.data.verification
  expect(claimed.value).not.toBe(squatted.value)
  await acme.prove(host)
  expect(await hosted(host)).toEqual(leadsTo(acme.slug))
  expect(outcome(await squatter.refresh(host))).toEqual([409, 'hostname_taken'])
  // Also with a valid record, because the hostname belongs to another database.
  dns.records.set(claimed.name, [claimed.value, squatted.value])
  expect(outcome(await squatter.refresh(host))).toEqual([409, 'hostname_taken'])
  expect(outcome(await (await tenant()).create(host))).toEqual([409, 'hostname_taken'])
  expect(await hosted(host)).toEqual(leadsTo(acme.slug))
  expect(outcome(await squatter.remove(host))).toEqual([200, undefined])
  expect(await hosted(host)).toEqual(leadsTo(acme.slug))
  expect(cloudflare.of(host)).toHaveLength(1)
})

test('two who are proved at the same moment do not both get it', async () => {
  const other = await tenant()
  const claims = await Promise.all([acme.create(host), other.create(host)])
  dns.records.set(
    `_persql.${host}`,
    claims.map(({ body }) => `"${body.data.verification.value}"`),
  )
  let waiting = 0
  let release = () => {}
  const both = new Promise<void>((resolve) => {
    release = resolve
  })
  dns.asked = () => {
    if (++waiting === 2) release()
    return both
  }
  const answers = await Promise.all([acme.refresh(host), other.refresh(host)])
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 409])
  const winner = answers[0]?.status === 200 ? acme : other
  expect(await hosted(host)).toEqual(leadsTo(winner.slug))
})

test('a hostname of one database is not to be had by another of the same namespace', async () => {
  await acme.prove(host)
  await platform.request('/v1/databases', { token: acme.token, body: { slug: 'second' } })
  const { request } = platform.database(acme.slug, 'second', acme.token)
  expect(outcome(await request('/hostnames', { body: { hostname: host } }))).toEqual([409, 'hostname_taken'])
  expect(outcome(await request(`/hostnames/${host}`, { method: 'DELETE' }))).toEqual([404, 'hostname_not_found'])
})

test.each([
  'localhost',
  'api.localhost',
  'acme',
  '127.0.0.1',
  '[::1]',
  '*.acme.com',
  'api.acme.com:8443',
  'https://api.acme.com',
  'api_x.acme.com',
  'sql.example.com',
  'SQL.example.com',
  'below.sql.example.com',
  '',
  7,
  null,
])('%j is refused', async (name) => {
  const answer = await acme.create(name)
  expect(outcome(answer)).toEqual([400, 'invalid_input'])
  expect(answer.body.error).toContain('"hostname"')
  expect(await acme.list()).toEqual([])
})

test('a name beside the instance is none of its own', async () => {
  expect(outcome(await acme.create(`not-sql-${number}.example.com`))).toEqual([200, undefined])
})

test('a database has twenty hostnames at most', async () => {
  for (let i = 0; i < 20; i++) expect((await acme.create(`n${i}.${host}`)).status).toBe(200)
  expect(outcome(await acme.create(host))).toEqual([409, 'limit_reached'])
  expect((await acme.create(`n0.${host}`)).status).toBe(200)
  await acme.remove(`n7.${host}`)
  expect((await acme.create(host)).status).toBe(200)
})

test('a deleted hostname routes nowhere after the response, releases its certificate, and can be claimed again', async () => {
  const { verification } = (await acme.prove(host)).body.data
  expect(await hosted(host)).toEqual(leadsTo(acme.slug))
  expect((await acme.remove(host)).body).toEqual({ success: true, data: { deleted: true } })
  expect(await hosted(host)).toBe(null)
  expect(await acme.list()).toEqual([])
  expect(outcome(await acme.remove(host))).toEqual([404, 'hostname_not_found'])
  expect(outcome(await acme.refresh(host))).toEqual([404, 'hostname_not_found'])
  await eventually(() => cloudflare.of(host).length === 0)
  // The old record doesn't verify the hostname for the next database.
  const next = await tenant()
  expect((await next.create(host)).body.data.verification.value).not.toBe(verification.value)
  expect((await next.refresh(host)).body.data.status).toBe('failed')
  expect((await next.prove(host)).body.data.status).toBe('active')
  expect(await hosted(host)).toEqual(leadsTo(next.slug))
})

test('an active hostname whose record is gone stays, and says so', async () => {
  await acme.prove(host)
  dns.records.delete(`_persql.${host}`)
  const { data } = (await acme.refresh(host)).body
  expect(data).toMatchObject({ status: 'active', error: expect.stringContaining('TXT record "') })
  expect(await hosted(host)).toEqual(leadsTo(acme.slug))
  dns.records.set(`_persql.${host}`, [data.verification.value])
  expect((await acme.refresh(host)).body.data).toEqual({ ...data, error: null })
})

describe('when a database is deleted', () => {
  test('its hostnames are free, and lead to no database made under its name', async () => {
    await acme.prove(host)
    expect(await hosted(host)).toEqual(leadsTo(acme.slug))
    await acme.deleteDatabase()
    expect(await hosted(host)).toBe(null)
    expect(outcome(await acme.create(host))).toEqual([404, 'database_not_found'])
    await platform.request('/v1/databases', { token: acme.token, body: { slug: 'main' } })
    expect(await acme.list()).toEqual([])
    expect(await hosted(host)).toBe(null)
    await eventually(() => cloudflare.of(host).length === 0)
    expect((await (await tenant()).prove(host)).body.data.status).toBe('active')
  })

  test('while its record is looked up, it stays without', async () => {
    await acme.create(host)
    dns.asked = async () => void (await acme.deleteDatabase())
    expect(outcome(await acme.prove(host))).toEqual([404, 'database_not_found'])
    expect(await hosted(host)).toBe(null)
    expect(cloudflare.of(host)).toEqual([])
  })

  test('while its certificate is asked for, that is given up too', async () => {
    await acme.create(host)
    cloudflare.asked = async (method) => {
      if (method === 'POST') await acme.deleteDatabase()
    }
    expect(outcome(await acme.prove(host))).toEqual([404, 'database_not_found'])
    await eventually(() => cloudflare.of(host).length === 0)
  })

  test('with its namespace', async () => {
    const { request } = await person('leaver')
    const slug = `left-${number}`
    await request('/api/namespaces', { body: { slug } })
    await request(`/api/namespaces/${slug}/databases`, { body: { slug: 'main' } })
    const path = `/api/namespaces/${slug}/databases/main/hostnames`
    const { verification } = (await request(path, { body: { hostname: host } })).body.data
    dns.records.set(verification.name, [verification.value])
    expect((await request(`${path}/${host}/refresh`, { method: 'POST' })).body.data.status).toBe('active')
    expect(await hosted(host)).toEqual(leadsTo(slug))
    expect((await request(`/api/namespaces/${slug}`, { method: 'DELETE' })).status).toBe(200)
    expect(await hosted(host)).toBe(null)
    expect((await acme.prove(host)).body.data.status).toBe('active')
  })
})

test.each(['fail', 'error', 'hang up'] as const)('a resolver that says "%s" changes nothing', async (mood) => {
  const before = (await acme.create(host)).body.data
  dns.mood = mood
  const answer = await acme.refresh(host)
  expect(outcome(answer)).toEqual([503, 'dns_unavailable'])
  expect(answer.body.error).toContain(`_persql.${host}`)
  expect(await acme.list()).toEqual([before])
  dns.mood = 'well'
  expect((await acme.prove(host)).body.data.status).toBe('active')
  dns.mood = mood
  expect(outcome(await acme.refresh(host))).toEqual([503, 'dns_unavailable'])
  expect(await hosted(host)).toEqual(leadsTo(acme.slug))
})

test('a resolver that says nothing is not waited for without end', async () => {
  await acme.create(host)
  dns.mood = 'silence'
  expect(outcome(await acme.refresh(host))).toEqual([503, 'dns_unavailable'])
})

test('what was asked of Cloudflare when the process ended is found by the next refresh', async () => {
  cloudflare.asked = (method) => (method === 'POST' ? platform.kill() : undefined)
  await expect(acme.prove(host)).rejects.toThrow()
  await eventually(() => cloudflare.of(host).length === 1)
  await platform.restart()
  const [{ certificate, ...left }] = await acme.list()
  expect([left.status, certificate]).toEqual(['active', null])
  expect((await acme.refresh(host)).body.data).toMatchObject({
    status: 'active',
    certificate: { status: 'initializing' },
  })
  expect(cloudflare.of(host)).toHaveLength(1)
})

test('without Cloudflare certificates are the matter of a proxy', async () => {
  const plain = await startPlatform({ environment: dns.environment })
  const db = (await plain.createNamespace('acme')).db()
  const { verification, target } = (await db.request('/hostnames', { body: { hostname: host } })).body.data
  expect(target).toBe(new URL(plain.url).hostname)
  dns.records.set(verification.name, [verification.value])
  const { data } = (await db.request(`/hostnames/${host}/refresh`, { method: 'POST' })).body
  expect(data).toMatchObject({ status: 'active', certificate: null, error: null })
  expect((await db.request(`/hostnames/${host}`, { method: 'DELETE' })).status).toBe(200)
  await plain.stop()
})

test.each(['fail', 'cut off'] as const)(
  'Cloudflare that says "%s" is asked again by the next refresh',
  async (mood) => {
    cloudflare.mood = mood
    const { data } = (await acme.prove(host)).body
    expect(data).toMatchObject({
      status: 'active',
      certificate: null,
      error: expect.stringContaining('Cloudflare rejected'),
    })
    expect(await hosted(host)).toEqual(leadsTo(acme.slug))
    expect(cloudflare.of(host)).toHaveLength(mood === 'cut off' ? 1 : 0)
    cloudflare.mood = 'well'
    expect((await acme.refresh(host)).body.data).toEqual({
      ...data,
      certificate: { status: 'initializing', hostnameStatus: 'pending', errors: [] },
      error: null,
    })
    expect(cloudflare.of(host)).toHaveLength(1)
    // The last known state survives an outage of Cloudflare.
    cloudflare.mood = 'fail'
    expect((await acme.refresh(host)).body.data).toMatchObject({ certificate: { status: 'initializing' } })
  },
)

test('a certificate that failed to be released is released later, unless it is needed again', async () => {
  const kept = `kept.${host}`
  await acme.prove(host)
  await acme.prove(kept)
  let refused = 0
  cloudflare.asked = () => void refused++
  cloudflare.mood = 'fail'
  expect((await acme.remove(host)).status).toBe(200)
  expect((await acme.remove(kept)).status).toBe(200)
  await eventually(() => refused >= 2)
  expect([...cloudflare.of(host), ...cloudflare.of(kept)]).toHaveLength(2)
  cloudflare.mood = 'well'
  await (await tenant()).prove(kept)
  const ahead = (aheadMs: number) => platform.request('/api/dev/clock', { token: platform.secret, body: { aheadMs } })
  await ahead(11 * 60_000)
  await ahead(0)
  await eventually(() => cloudflare.of(host).length === 0)
  expect(cloudflare.of(kept)).toHaveLength(1)
})

test('hostnames are there after a crash', async () => {
  await acme.prove(host)
  const before = await acme.list()
  await platform.kill()
  await platform.restart()
  expect(await acme.list()).toEqual(before)
  expect(await hosted(host)).toEqual(leadsTo(acme.slug))
})

describe('the look-up', () => {
  test.each([
    'sql.example.com',
    'SQL.example.com:443',
    'sql.example.com.',
    'below.sql.example.com',
    'localhost:8787',
    'api.localhost',
    '127.0.0.1:8787',
    '[::1]:8787',
    '::1',
    '192.0.2.7',
    '',
    'a b',
  ])('of %j awaits nothing and leads nowhere', async (name) => {
    expect(await look(name)).toEqual({ isAwaited: false, hosted: null })
  })

  test('asks once a minute, also about names that lead nowhere', async () => {
    await acme.prove(host)
    const unclaimed = `nobody.${host}`
    const ahead = (aheadMs: number) => platform.request('/api/dev/clock', { token: platform.secret, body: { aheadMs } })
    const expected = { [host]: leadsTo(acme.slug), [unclaimed]: null }
    for (const [name, hosted] of Object.entries(expected)) {
      await ahead(0)
      expect(await look(name)).toEqual({ isAwaited: true, hosted })
      expect(await look(name)).toEqual({ isAwaited: false, hosted })
      await ahead(61_000)
      expect(await look(name)).toEqual({ isAwaited: true, hosted })
      await ahead(0)
    }
  })
})

test('each door names the same hostnames, and the log says who did what', async () => {
  const entries = await readAudit(async (request) => {
    expect((await request('', { body: { hostname: host } })).status).toBe(200)
    await request('', { body: { hostname: host } })
    await request(`/${host}/refresh`, { method: 'POST' })
    const [{ verification }] = (await request('')).body.data
    dns.records.set(verification.name, [verification.value])
    await request(`/${host}/refresh`, { method: 'POST' })
    await request(`/${host}/refresh`, { method: 'POST' })
    expect((await request(`/${host}`, { method: 'DELETE' })).status).toBe(200)
  })
  const entry = { actor: expect.stringMatching(/^user:/), target: host, detail: { database: 'main' } }
  expect(entries).toMatchObject([
    { ...entry, action: 'hostname.created' },
    { ...entry, action: 'hostname.verified' },
    { ...entry, action: 'hostname.deleted' },
  ])
})

test('a token opens its own namespace and databases that exist', async () => {
  const other = await tenant()
  const { token } = acme
  const call = async (path: string, body?: object) => outcome(await platform.request(path, { token, body }))
  expect(await call(`/v1/db/${other.slug}/main/hostnames`)).toEqual([403, 'namespace_mismatch'])
  expect(await call(`/v1/db/${other.slug}/main/hostnames`, { hostname: host })).toEqual([403, 'namespace_mismatch'])
  expect(await call(`/v1/db/${acme.slug}/nothing/hostnames`)).toEqual([404, 'database_not_found'])
  expect(await call(`/v1/db/${acme.slug}/nothing/hostnames`, { hostname: host })).toEqual([404, 'database_not_found'])
  expect(await call(`/v1/db/${acme.slug}/main/hostnames?x=1&ns=${other.slug}&db=x`)).toEqual([200, undefined])
  const { body } = await platform.request(`/v1/databases?ns=${other.slug}`, { token })
  expect(body).toEqual((await platform.request('/v1/databases', { token })).body)
})

test('who may edit one database may do so about its hostnames, and no others', async () => {
  const owner = await person('owner')
  const guest = await person('guest')
  const slug = `shared-${number}`
  await owner.request('/api/namespaces', { body: { slug } })
  for (const name of ['main', 'second'])
    await owner.request(`/api/namespaces/${slug}/databases`, { body: { slug: name } })
  const invitation = { email: guest.email, role: 'viewer' }
  const { link } = (await owner.request(`/api/namespaces/${slug}/invitations`, { body: invitation })).body.data ?? {}
  await guest.request(`/api/invitations/${String(link).split('/').at(-1)}/accept`, { body: {} })
  const share = { email: guest.email, role: 'editor' }
  await owner.request(`/api/namespaces/${slug}/databases/main/shares`, { body: share })
  const create = async (database: string) =>
    outcome(
      await guest.request(`/api/namespaces/${slug}/databases/${database}/hostnames`, { body: { hostname: host } }),
    )
  expect(await create('main')).toEqual([200, undefined])
  expect(await create('second')).toEqual([403, 'role_insufficient'])
})

test('at a hostname of one’s own the endpoints live at the root, and nothing else does', async () => {
  await acme.prove(host)
  const endpoints = platform.database(acme.slug, 'main', acme.token)
  const spec = { slug: 'hello', name: 'Hello', kind: 'query', method: 'GET', output: 'first_row' }
  const input = [{ name: 'name', type: 'text', required: true }]
  const body = { ...spec, sql: "SELECT 'Hello ' || ? AS text", input }
  expect((await endpoints.request('/endpoints', { body })).status).toBe(200)
  await endpoints.request('/endpoints/hello/publish', { body: {} })

  const hello = await platform.requestAt(host, '/hello?name=Ada')
  expect([hello.status, hello.body]).toEqual([200, { ok: true, data: { row: { text: 'Hello Ada' } } }])
  expect((await platform.requestAt(host, '/hello')).body.fields).toEqual({ name: 'This field is required.' })
  const own = { origin: `https://${host}` }
  expect((await platform.requestAt(host, '/hello?name=Ada', own)).status).toBe(200)
  const other = { origin: 'https://elsewhere.example' }
  expect((await platform.requestAt(host, '/hello?name=Ada', other)).body.code).toBe('page_not_allowed')

  const discovered = await platform.requestAt(host, '/.well-known/endpoints.json')
  expect(discovered.body.endpoints).toMatchObject([{ name: 'hello', url: `https://${host}/hello` }])
  const document = await platform.requestAt(host, '/openapi.json')
  expect(document.body.servers).toEqual([{ url: `https://${host}` }])
  for (const path of [
    '/',
    '/billing',
    `/p/${acme.slug}/main/hello?name=Ada`,
    '/api/openapi.json',
    '/metrics',
    '/invite/x',
  ]) {
    const { status, body } = await platform.requestAt(host, path)
    expect([status, body.code], path).toEqual([404, 'endpoint_not_found'])
  }
})
