import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Agent, fetch } from 'undici'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { repository } from '../../apps/launcher/src/paths.ts'
import { makeDataFolder, removeDataFolder } from '../data-folder.ts'
import { startPlatform, type TestPlatform } from '../harness.ts'
import { subscribe } from '../socket.ts'

// The configurations of the page about reverse proxies, with other ports, certificates and folders, in real proxies.

const hostname = 'sql.example.com'
const page = readFileSync(join(repository, 'docs/self-hosting/reverse-proxy.md'), 'utf8')
const block = (language: string) => new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, 'ms').exec(page)?.[1] as string

/** Replaces each text, which must occur. */
const adapt = (config: string, changes: Record<string, string>) =>
  Object.entries(changes).reduce((text, [from, to]) => {
    if (!text.includes(from)) throw new Error(`The configuration doesn't contain "${from}".`)
    return text.replaceAll(from, to)
  }, config)

interface Files {
  readonly folder: string
  readonly certificate: string
  readonly key: string
}

interface Ports {
  readonly proxy: number
  readonly platform: number
}

/** Each writes the configuration of a proxy and returns the command that runs it. */
const proxies: Record<string, (files: Files, ports: Ports) => [string, ...string[]]> = {
  nginx: ({ folder, certificate, key }, { proxy, platform }) => {
    const config = join(folder, 'nginx.conf')
    const server = adapt(block('nginx'), {
      '127.0.0.1:8787': `127.0.0.1:${platform}`,
      'listen 443': `listen 127.0.0.1:${proxy}`,
      [`/etc/letsencrypt/live/${hostname}/fullchain.pem`]: certificate,
      [`/etc/letsencrypt/live/${hostname}/privkey.pem`]: key,
    })
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    const paths = temporary.map((name) => `${name}_temp_path ${join(folder, name)};`).join('\n')
    const user = process.getuid?.() === 0 ? 'user root;\n' : ''
    writeFileSync(
      config,
      `${user}daemon off;\npid ${folder}/pid;\nevents {}\nhttp {\naccess_log off;\n${paths}\n${server}}\n`,
    )
    return ['nginx', '-p', folder, '-e', join(folder, 'error.log'), '-c', config]
  },
  caddy: ({ folder, certificate, key }, { proxy, platform }) => {
    const config = join(folder, 'Caddyfile')
    const site = adapt(block('caddyfile'), {
      '127.0.0.1:8787': `127.0.0.1:${platform}`,
      [`${hostname} {`]: `https://${hostname}:${proxy} {\n\tbind 127.0.0.1\n\ttls ${certificate} ${key}`,
    })
    writeFileSync(config, `{\n\tadmin off\n\tauto_https disable_redirects\n}\n${site}`)
    return ['caddy', 'run', '--config', config, '--adapter', 'caddyfile']
  },
}

describe.each(Object.keys(proxies))('%s', (name) => {
  let folder: string
  let platform: TestPlatform
  let proxy: { stop(): Promise<unknown> }
  let url: string
  let namespace: Awaited<ReturnType<TestPlatform['createNamespace']>>
  const agents: Agent[] = []

  /** Returns connections to the proxy from a local IP address. */
  const connectFrom = (localAddress: string, allowH2 = false) => {
    const agent = new Agent({
      allowH2,
      localAddress,
      connect: {
        ca: readFileSync(join(folder, 'certificate.pem'), 'utf8'),
        lookup: (_hostname, { all }, done) =>
          all ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4),
      },
    })
    agents.push(agent)
    return agent
  }
  const call = async (path: string, body: BodyInit | undefined, dispatcher: Agent, token = namespace.token) => {
    const response = await fetch(url + path, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/octet-stream' },
      body: body as string | undefined,
      dispatcher,
    })
    // biome-ignore lint/suspicious/noExplicitAny: a black-box test inspects any response
    return { status: response.status, headers: response.headers, body: (await response.json()) as any }
  }
  const sql = (sql: string, params: unknown[] = []) => JSON.stringify({ sql, params })
  const main = () => namespace.db().path

  beforeAll(async () => {
    folder = await makeDataFolder('persql-proxy-')
    const files = { folder, certificate: join(folder, 'certificate.pem'), key: join(folder, 'key.pem') }
    createCertificate(files)
    const port = await findFreePort()
    url = `https://${hostname}:${port}`
    const environment = { PERSQL_URL: url, TRUSTED_PROXIES: '127.0.0.1', FLOOD_PER_MINUTE: '300' }
    platform = await startPlatform({ environment })
    namespace = await platform.createNamespace('proxied')
    await namespace.db().query('CREATE TABLE t (a INTEGER PRIMARY KEY, b)')
    const command = proxies[name]?.(files, { proxy: port, platform: Number(new URL(platform.url).port) })
    proxy = await startProxy(command as [string, ...string[]], folder, port)
  })
  afterAll(async () => {
    await Promise.all(agents.map((agent) => agent.destroy()))
    await proxy?.stop()
    await platform?.stop()
    await removeDataFolder(folder)
  })

  test.each([
    ['HTTP/1.1', false],
    ['HTTP/2', true],
  ])('a query with TLS over %s', async (_protocol, allowH2) => {
    const answer = await call(`${main()}/query`, sql('SELECT ?', ['ä']), connectFrom('127.0.0.2', allowH2))
    expect([answer.status, answer.body.data.rows]).toEqual([200, [['ä']]])
    expect(answer.headers.get('x-request-id')).toBeTruthy()
  })

  test('links have the public URL', async () => {
    const path = '/.well-known/oauth-protected-resource/mcp'
    expect((await call(path, undefined, connectFrom('127.0.0.2'))).body.resource).toBe(`${url}/mcp`)
  })

  test('an upload that is larger than the limits of proxies', async () => {
    const line = `${JSON.stringify({ b: 'x'.repeat(1_000) })}\n`
    const path = `${main()}/import?format=ndjson&table=t`
    const answer = await call(path, line.repeat(30_000), connectFrom('127.0.0.2'))
    expect([answer.status, answer.body.error]).toEqual([200, undefined])
    const counted = await call(
      `${main()}/query`,
      sql('SELECT count(*), sum(length(b)) FROM t'),
      connectFrom('127.0.0.2'),
    )
    expect(counted.body.data.rows).toEqual([[30_000, 30_000_000]])
  })

  test('a large result', async () => {
    const answer = await call(
      `${main()}/query`,
      sql('SELECT hex(zeroblob(500000)) FROM t LIMIT 10'),
      connectFrom('127.0.0.2'),
    )
    expect(answer.body.data.rows.map(([text]: [string]) => text.length)).toEqual(Array(10).fill(1_000_000))
  })

  test('a subscription', async () => {
    const dispatcher = connectFrom('127.0.0.2')
    const subscriber = await subscribe(`${url}${main()}/subscribe`, { token: namespace.token, dispatcher })
    await call(`${main()}/query`, sql('INSERT INTO t (b) VALUES (1)'), dispatcher)
    await subscriber.until(({ type }) => type === 'change')
    expect(subscriber.changes()).toEqual(['t insert'])
    subscriber.close()
    await subscriber.closed
  })

  test('each client has its own rate limit, and none can choose its IP address', async () => {
    const flood = async (localAddress: string, forge?: (request: number) => Record<string, string>) => {
      const dispatcher = connectFrom(localAddress)
      const statuses = new Set<number>()
      for (let request = 0; request < 310; request++) {
        const response = await fetch(`${url}/v1/me`, { headers: forge?.(request) ?? {}, dispatcher })
        await response.arrayBuffer()
        statuses.add(response.status)
      }
      return [...statuses]
    }
    expect(await flood('127.0.0.3')).toEqual([401, 429])
    expect(await flood('127.0.0.4', (n) => ({ 'x-forwarded-for': `198.51.100.${n % 200}` }))).toEqual([401, 429])
    expect(await flood('127.0.0.5', (n) => ({ forwarded: `for=198.51.100.${n % 200}` }))).toEqual([401, 429])
    expect((await call('/v1/me', undefined, connectFrom('127.0.0.6'))).status).toBe(200)
  })
})

function createCertificate({ certificate, key }: Files): void {
  const names = ['-subj', `/CN=${hostname}`, '-addext', `subjectAltName=DNS:${hostname}`]
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  execFileSync('openssl', ['req', '-x509', ...curve, '-days', '2', ...names, '-keyout', key, '-out', certificate], {
    stdio: 'ignore',
  })
}

/** Returns a port that is free now. A proxy can't choose one itself. */
async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

/** Starts a proxy in a folder, and waits until it accepts connections. */
async function startProxy([command, ...args]: [string, ...string[]], folder: string, port: number) {
  const home = join(folder, 'home')
  mkdirSync(home)
  const { PATH } = process.env
  const child = spawn(command, args, {
    cwd: folder,
    env: { PATH: `${PATH}:/usr/sbin`, HOME: home, XDG_DATA_HOME: home, XDG_CONFIG_HOME: home },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const exited = once(child, 'exit')
  const stop = async () => {
    child.kill('SIGTERM')
    await exited
  }
  for (;;) {
    if (child.exitCode !== null) throw new Error(`${command} ended: ${stderr}`)
    const isUp = await fetch(`http://127.0.0.1:${port}/`).then(
      () => true,
      (cause) => cause.cause?.code !== 'ECONNREFUSED',
    )
    if (isUp) return { stop }
    await delay(50)
  }
}
