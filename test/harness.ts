import { randomBytes } from 'node:crypto'
import { mkdtemp, open, readFile, rm } from 'node:fs/promises'
import { get } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { PlatformEnvironment } from '../apps/launcher/src/config.ts'
import { buildConsole } from '../apps/launcher/src/console-build.ts'
import { probe } from '../apps/launcher/src/probe.ts'
import { supervise } from '../apps/launcher/src/watchdog.ts'
import { localUrl, prepareData, startWorkerd } from '../apps/launcher/src/workerd-process.ts'

/** What a test may set; the environment's names are those of the launcher. */
export interface PlatformSettings {
  environment?: PlatformEnvironment
  /** Restart after a crash and stop endless statements, as `npm start` does. */
  watchdog?: boolean
  /** Certificates in PEM that are trusted beside those browsers trust. */
  trustedCertificates?: string
  /** Use this folder, and keep it on `stop`. */
  data?: string
  /** Listen here, rather than on any port that is free. */
  port?: number
  /** Codes of 5xx answers that the test provokes: any other one fails it. */
  failures?: readonly string[]
}

/** Answers of 5xx to calls that a killed process cut off. */
const OF_KILLS = ['unavailable', 'copy_cut_off', 'import_cut_off']
/** Answers of 5xx that say what others than the caller have to do. */
const OF_OTHERS = new Set([
  ...['model_unavailable', 'model_failed', 'payments_unavailable', 'payment_provider_failed', 'mail_failed'],
  ...['dns_unavailable', 'captcha_unavailable', 'endpoint_failed'],
])

export interface RequestOptions {
  method?: string
  token?: string
  /** Sent as JSON, or as it is when a string. */
  body?: unknown
  headers?: Record<string, string>
}

export interface Answer {
  status: number
  headers: Headers
  /** The parsed JSON, or the text when it is none. */
  // biome-ignore lint/suspicious/noExplicitAny: a black-box test looks at whatever came back
  body: any
}

const host = '127.0.0.1'

/** A platform of its own for a test: the real workerd with the real bundle, a free port and a folder that goes away. */
export async function startPlatform(settings: PlatformSettings = {}): Promise<TestPlatform> {
  const data = settings.data ?? (await mkdtemp(join(tmpdir(), 'persql-')))
  const secret = settings.environment?.PERSQL_SECRET ?? randomBytes(32).toString('base64url')
  await prepareData(data, undefined, settings.trustedCertificates, await consoleFiles())
  const platform = new TestPlatform(settings, data, secret)
  await platform.restart()
  return platform
}

let built: Promise<string> | undefined
/** Built before the tests began; in a test, there is only its folder to find. */
function consoleFiles(): Promise<string> {
  built ??= buildConsole()
  return built
}

interface Running {
  port: number
  pid(): number
  stop(): Promise<unknown>
  kill(): Promise<unknown>
}

/** Bytes and forms are sent as they are. */
const isFile = (body: unknown) => body instanceof Uint8Array || body instanceof FormData

/** A running platform as tests call it. */
export abstract class PlatformClient {
  /** The operator's secret. */
  abstract readonly secret: string
  abstract get url(): string

  async request(path: string, options: RequestOptions = {}): Promise<Answer> {
    const { token, body, method = body === undefined ? 'GET' : 'POST', headers } = options
    const response = await fetch(this.url + path, {
      method,
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined || isFile(body) ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      body: isFile(body) ? (body as BodyInit) : typeof body === 'string' ? body : JSON.stringify(body),
    })
    const text = await response.text()
    return { status: response.status, headers: response.headers, body: parsed(text) }
  }

  /** A GET request to the platform under another name of its. */
  requestAt(host: string, path: string, headers: Record<string, string> = {}): Promise<Answer> {
    const { hostname, port } = new URL(this.url)
    return new Promise((resolve, reject) => {
      get({ hostname, port, path, headers: { ...headers, Host: host } }, async (response) => {
        const text = (await response.setEncoding('utf8').toArray()).join('')
        const given = Object.entries(response.headers).map(([name, value]) => [name, String(value)] as [string, string])
        resolve({ status: response.statusCode ?? 0, headers: new Headers(given), body: parsed(text) })
      }).on('error', reject)
    })
  }

  /** Makes a namespace with a database and an admin token, as the operator; on an existing one just another token. */
  async createNamespace(slug: string, database = 'main') {
    const answer = await this.request('/api/operator/namespaces', {
      token: this.secret,
      body: { slug, database, tokenName: 'test' },
    })
    if (!answer.body?.success) throw new Error(`createNamespace: ${answer.status} ${JSON.stringify(answer.body)}`)
    const { namespace, token } = answer.body.data as {
      namespace: { id: string; slug: string }
      token: { id: string; token: string }
    }
    const db = (name = database) => this.database(slug, name, token.token)
    let made = 0
    return {
      namespace,
      token: token.token,
      tokenId: token.id,
      db,
      /** A new database in which these statements have run. */
      make: async (...statements: string[]) => {
        const name = `db-${++made}`
        const answer = await this.request('/v1/databases', { token: token.token, body: { slug: name } })
        if (answer.status !== 200) throw new Error(`${name}: ${JSON.stringify(answer.body)}`)
        for (const sql of statements) {
          const { status, body } = await db(name).query(sql)
          if (status !== 200) throw new Error(`${sql}: ${JSON.stringify(body)}`)
        }
        return db(name)
      },
    }
  }

  /** Signs somebody up; `request` then goes out with the cookie, as a browser on our own pages sends it. */
  async signUp(email: string, password = 'correct horse battery') {
    const answer = await this.request('/api/auth/sign-up/email', { body: { email, password, name: email } })
    if (answer.status !== 200) throw new Error(`signUp: ${answer.status} ${JSON.stringify(answer.body)}`)
    return this.session(answer, email)
  }

  /** What an answer of `/api/auth` that signs somebody in lets its holder do. */
  session({ headers, body }: Answer, email: string) {
    const cookie = headers
      .getSetCookie()
      .map((line) => line.split(';')[0])
      .join('; ')
    const request = (path: string, options: RequestOptions = {}) =>
      this.request(path, { ...options, headers: { cookie, origin: this.url, ...options.headers } })
    return { email, userId: body.user.id as string, cookie, request }
  }

  /** One database as one token sees it. */
  database(namespace: string, name: string, token: string) {
    const path = `/v1/db/${namespace}/${name}`
    const request = (suffix: string, options: RequestOptions = {}) => this.request(path + suffix, { token, ...options })
    return {
      slug: name,
      path,
      request,
      query: (sql: string, params?: unknown[], headers?: Record<string, string>) =>
        request('/query', { body: { sql, params }, headers }),
      batch: (
        statements: { sql: string; params?: unknown[] }[],
        options: { transaction?: boolean } = {},
        headers?: Record<string, string>,
      ) => request('/batch', { body: { statements, ...options }, headers }),
    }
  }
}

/** A platform of one test file, which can kill and restart it. */
export class TestPlatform extends PlatformClient {
  readonly data: string
  readonly secret: string
  /** What workerd wrote to stderr, save statement events under the watchdog. */
  readonly stderr: string[] = []
  /** What the watchdog logged. */
  readonly log: Record<string, unknown>[] = []
  readonly #settings: PlatformSettings
  readonly #requestLog = join(tmpdir(), `persql-requests-${randomBytes(8).toString('hex')}.log`)
  #running: Running | undefined
  #wasKilled = false
  #port = 0

  constructor(settings: PlatformSettings, data: string, secret: string) {
    super()
    this.#settings = settings
    this.#port = settings.port ?? 0
    this.data = data
    this.secret = secret
  }

  get url(): string {
    return localUrl(host, this.#port)
  }

  pid(): number {
    if (this.#running === undefined) throw new Error('The platform is not running.')
    return this.#running.pid()
  }

  /** SIGKILL to workerd. Nothing starts it again but `restart`, or the watchdog where there is one. */
  async kill(): Promise<void> {
    this.#wasKilled = true
    await this.#running?.kill()
  }

  /** Starts again on the same data and port, after stopping what still runs. */
  async restart(): Promise<void> {
    await this.#running?.stop()
    this.#running = await this.#start()
    this.#port = this.#running.port
    await probe(this.url)
  }

  /** Stops the platform and removes its data. @throws when an answer was a 5xx that a caller caused */
  async stop(): Promise<void> {
    await this.#running?.stop()
    const lines = await this.readRequestLog()
    await this.discard()
    const { failures = [] } = this.#settings
    assertNoFailures(lines, [...failures, ...(this.#wasKilled ? OF_KILLS : [])])
  }

  /** Stops the platform and removes its data, without a look at its answers. */
  async discard(): Promise<void> {
    await this.#running?.stop()
    this.#running = undefined
    if (this.#settings.data === undefined) await rm(this.data, { recursive: true, force: true })
    await rm(this.#requestLog, { force: true })
  }

  /** Reads the request log since the start, one line of JSON per request. */
  async readRequestLog(): Promise<string[]> {
    return (await readFile(this.#requestLog, 'utf8').catch(() => '')).split('\n').slice(0, -1)
  }

  async #start(): Promise<Running> {
    const log = await open(this.#requestLog, 'a')
    try {
      return await this.#startLogging(log.fd)
    } finally {
      await log.close()
    }
  }

  async #startLogging(stdout: number): Promise<Running> {
    const { watchdog = false, environment } = this.#settings
    const options = {
      data: this.data,
      host,
      port: this.#port,
      environment: {
        PERSQL_RUNTIME: 'workerd',
        PERSQL_WELCOME_CREDIT_USD: '5',
        FLOOD_PER_MINUTE: '1000000',
        TRUSTED_PROXIES: '',
        QUERY_TIMEOUT_S: '30',
        ...environment,
        PERSQL_SECRET: this.secret,
      },
      stdout,
      onStderr: (line: string) => void this.stderr.push(line),
    }
    if (!watchdog) {
      const workerd = await startWorkerd(options)
      return { ...workerd, pid: () => workerd.pid }
    }
    const supervised = await supervise({
      ...options,
      timeoutS: Number(options.environment.QUERY_TIMEOUT_S),
      log: (level, event, fields) => void this.log.push({ level, event, ...fields }),
    })
    return { ...supervised, kill: async () => process.kill(supervised.pid(), 'SIGKILL') }
  }
}

/** Fails when a request was answered by a 5xx whose code is neither expected nor another party's doing. */
export function assertNoFailures(requestLog: readonly string[], expected: readonly string[]): void {
  const failures = requestLog.filter((line) => {
    if (!line.includes('"status":5')) return false
    const { code } = JSON.parse(line) as { code?: string }
    return code === undefined || !(OF_OTHERS.has(code) || expected.includes(code))
  })
  if (failures.length > 0) throw new Error(`Answers of 5xx:\n${failures.join('\n')}`)
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
