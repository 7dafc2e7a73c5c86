import { randomBytes } from 'node:crypto'
import { type FileHandle, open, readFile, rm, symlink } from 'node:fs/promises'
import { get } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { PlatformEnvironment } from '../apps/launcher/src/config.ts'
import { type Hashing, startHashing } from '../apps/launcher/src/hashing/hashing.ts'
import type { Log } from '../apps/launcher/src/log.ts'
import { probe } from '../apps/launcher/src/probe.ts'
import { Readers } from '../apps/launcher/src/readers.ts'
import { Vacuums } from '../apps/launcher/src/vacuum/vacuums.ts'
import { supervise } from '../apps/launcher/src/watchdog.ts'
import { localUrl, prepareData, startWorkerd } from '../apps/launcher/src/workerd-process.ts'
import { testBuild } from './build-folder.ts'
import { makeDataFolder, removeDataFolder } from './data-folder.ts'
import { toReaderCount } from './reader-count.ts'
import { type Hasher, sharedHasher } from './shared-hasher.ts'

/** The settings of a platform; environment names are those of the launcher. */
export interface PlatformSettings {
  environment?: PlatformEnvironment
  /** Restarts after a crash and stops blocking statements, like `npm start`. */
  watchdog?: boolean
  /**
   * How workerd reaches a process of its own that hashes passwords, or `none` to hash in place, as on Cloudflare. Default:
   * the process that all platforms of a test run share, because each takes 0.1 s of CPU time to start.
   */
  hashing?: 'socket' | 'port' | 'none'
  /** Additional trusted certificates in PEM. */
  trustedCertificates?: string
  /** The number of reader processes, which is 0 if the suite runs without readers. Default: none. */
  readers?: number
  /** The time in milliseconds after which a VACUUM is killed. Default: the launcher doesn't run any. */
  vacuumMs?: number
  /** The data folder, which `stop` keeps. */
  data?: string
  /** The reserve of the disk in megabytes, for the watchdog. Default: as in `measureDisk`. */
  reserveMb?: number
  /** The port. Default: any free port. */
  port?: number
  /** The folder of the documentation. */
  docs?: string
  /** Codes of 5xx responses that the test provokes; others fail it. */
  failures?: readonly string[]
}

/** Codes of 5xx responses to calls that a killed process interrupted. */
const OF_KILLS = ['unavailable', 'copy_cut_off', 'import_cut_off']
/** Codes of 5xx responses that are caused by other services. */
const OF_OTHERS = new Set([
  ...['model_unavailable', 'model_failed', 'payments_unavailable', 'payment_provider_failed', 'mail_failed'],
  ...['dns_unavailable', 'captcha_unavailable', 'endpoint_failed'],
])

export interface RequestOptions {
  method?: string
  token?: string
  /** Sent as JSON; strings are sent unchanged. */
  body?: unknown
  headers?: Record<string, string>
}

export interface Answer {
  status: number
  headers: Headers
  /** The parsed JSON, or the text of other responses. */
  // biome-ignore lint/suspicious/noExplicitAny: a black-box test inspects any response
  body: any
}

const host = '127.0.0.1'

/** Starts a separate platform: the real workerd with the real bundle, a free port and a temporary folder. */
export async function startPlatform(settings: PlatformSettings = {}): Promise<TestPlatform> {
  const data = settings.data ?? (await makeDataFolder())
  const secret = settings.environment?.PERSQL_SECRET ?? randomBytes(32).toString('base64url')
  const platform = new TestPlatform(settings, data, secret)
  await platform.prepare()
  await platform.restart()
  return platform
}

interface Running {
  port: number
  pid(): number
  stop(): Promise<unknown>
  kill(): Promise<unknown>
}

/** Returns whether a body is sent unchanged. */
const isFile = (body: unknown) => body instanceof Uint8Array || body instanceof FormData

/** A running platform that tests can call. */
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

  /** Sends a GET request with another `Host`. */
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

  /**
   * Creates a namespace with a database and an admin token as the operator; for an existing namespace, only another
   * token.
   */
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
      /** Creates a database and runs these statements in it. */
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

  /** Creates an account. Its `request` sends the cookie, like a browser on the platform's own pages. */
  async signUp(email: string, password = 'correct horse battery') {
    const answer = await this.request('/api/auth/sign-up/email', { body: { email, password, name: email } })
    if (answer.status !== 200) throw new Error(`signUp: ${answer.status} ${JSON.stringify(answer.body)}`)
    return this.session(answer, email)
  }

  /** Returns the session of a sign-in response of `/api/auth`. */
  session({ headers, body }: Answer, email: string) {
    const cookie = headers
      .getSetCookie()
      .map((line) => line.split(';')[0])
      .join('; ')
    const request = (path: string, options: RequestOptions = {}) =>
      this.request(path, { ...options, headers: { cookie, origin: this.url, ...options.headers } })
    return { email, userId: body.user.id as string, cookie, request }
  }

  /** Returns a database for calls with this token. */
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
  /** Lines that workerd wrote to stderr, without statement events under the watchdog. */
  readonly stderr: string[] = []
  /** Log entries of the watchdog and of the supervisor of the process that hashes passwords. */
  readonly log: Record<string, unknown>[] = []
  /** The reader processes. */
  readers: Readers | undefined
  readonly #settings: PlatformSettings
  readonly #requestLog = join(tmpdir(), `persql-requests-${randomBytes(8).toString('hex')}.log`)
  #logFile: FileHandle | undefined
  #running: Running | undefined
  /** The process that hashes passwords, if it isn't the shared one. */
  #hashing: Hashing | undefined
  #hasher: Hasher | undefined
  #vacuums: Vacuums | undefined
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

  /** Returns the PID of the process that hashes passwords. */
  hashingPid(): number {
    return this.#ownHashing().pid()
  }

  /** Stops the process that hashes passwords, which isn't restarted. */
  async stopHashing(): Promise<void> {
    await this.#ownHashing().stop()
  }

  #ownHashing(): Hashing {
    if (this.#hashing === undefined) throw new Error('The platform has no process of its own that hashes passwords.')
    return this.#hashing
  }

  /** Prepares the data folder and starts the process that hashes passwords, which runs until the platform stops. */
  async prepare(): Promise<void> {
    const { hashing: transport, trustedCertificates } = this.#settings
    const readers = toReaderCount(this.#settings.readers ?? 0)
    const { data } = this
    const { platform: bundle, console: consoleFiles, hashing: built, vacuum } = testBuild()
    const shared = transport === undefined ? sharedHasher() : undefined
    if (transport !== 'none' && shared === undefined) {
      this.#hashing = await startHashing({ data, built, log: this.#addToLog, transport: transport ?? 'socket' })
    }
    this.#hasher = shared ?? this.#hashing
    const hashingAddress = this.#hasher?.address
    const { vacuumMs: maxMs, docs } = this.#settings
    if (maxMs !== undefined) this.#vacuums = await Vacuums.start({ data, built: vacuum, secret: this.secret, maxMs })
    const addresses = { hashingAddress, vacuumAddress: this.#vacuums?.address }
    const served = join(data, 'run', 'console')
    await rm(served, { recursive: true, force: true })
    await prepareData(data, { bundle, ...addresses, trustedCertificates, readers, docs })
    // Copies of its 150 files would take 0.1 s of CPU time.
    await rm(served, { recursive: true })
    await symlink(consoleFiles, served)
  }

  /** Kills workerd with SIGKILL. Only `restart` or the watchdog starts it again. */
  async kill(): Promise<void> {
    this.#wasKilled = true
    await this.#running?.kill()
  }

  /** Restarts the platform on the same data and port. */
  async restart(): Promise<void> {
    await this.#running?.stop()
    this.#running = await this.#start()
    this.#port = this.#running.port
    await probe(this.url)
  }

  /** Stops the platform and removes its data. @throws Error if a response was an unexpected 5xx */
  async stop(): Promise<void> {
    await this.#running?.stop()
    const lines = await this.readRequestLog()
    await this.discard()
    const { failures = [] } = this.#settings
    assertNoFailures(lines, [...failures, ...(this.#wasKilled ? OF_KILLS : [])])
  }

  /** Stops the platform and removes its data, without checking its responses. */
  async discard(): Promise<void> {
    await this.#running?.stop()
    this.#running = undefined
    await this.#hashing?.stop()
    this.#hashing = undefined
    await this.#vacuums?.stop()
    this.#vacuums = undefined
    if (this.#settings.data === undefined) await removeDataFolder(this.data)
    await this.#logFile?.close()
    this.#logFile = undefined
    await rm(this.#requestLog, { force: true })
  }

  /** Reads the request log since the start, one line of JSON per request. */
  async readRequestLog(): Promise<string[]> {
    return (await readFile(this.#requestLog, 'utf8').catch(() => '')).split('\n').slice(0, -1)
  }

  readonly #addToLog: Log = (level, event, fields) => void this.log.push({ level, event, ...fields })

  async #start(): Promise<Running> {
    // Open as long as the platform runs: a process that replaces another one gets the same descriptor.
    await this.#logFile?.close()
    this.#logFile = await open(this.#requestLog, 'a')
    return this.#startLogging(this.#logFile.fd)
  }

  async #startLogging(stdout: number): Promise<Running> {
    const { watchdog = false, environment } = this.#settings
    const count = toReaderCount(this.#settings.readers ?? 0)
    const log = this.#addToLog
    const onStderr = (line: string) => void this.stderr.push(line)
    const readers = new Readers({ data: this.data, count, log, onStderr })
    this.readers = readers
    const beside = (platform: Running): Running => {
      readers.start()
      const kill = () => platform.kill().finally(() => readers.endAll())
      return { ...platform, kill, stop: () => platform.stop().finally(() => readers.stop()) }
    }
    const options = {
      data: this.data,
      host,
      port: this.#port,
      environment: {
        PERSQL_RUNTIME: 'workerd',
        PERSQL_WELCOME_CREDIT_USD: '5',
        // Most tests need money in every namespace.
        PERSQL_WELCOME_CREDIT: 'namespace',
        FLOOD_PER_MINUTE: '1000000',
        TRUSTED_PROXIES: '',
        // On a busy machine, a reader gets a small share of the time.
        QUERY_TIMEOUT_S: '120',
        PERSQL_READERS: String(count),
        ...environment,
        PERSQL_SECRET: this.secret,
        ...(this.#hasher && { PERSQL_HASHING_KEY: this.#hasher.key }),
      },
      stdout,
      onStderr: (line: string) => readers.read(line) || onStderr(line),
    }
    if (!watchdog) {
      const workerd = await startWorkerd(options)
      return beside({ ...workerd, pid: () => workerd.pid })
    }
    const supervised = await supervise({
      ...options,
      timeoutS: Number(options.environment.QUERY_TIMEOUT_S),
      reserveMb: this.#settings.reserveMb,
      log: this.#addToLog,
      readers,
      beforeRestart: async () => this.#vacuums?.end(),
    })
    return beside({ ...supervised, kill: async () => process.kill(supervised.pid(), 'SIGKILL') })
  }
}

/** Fails if a response was a 5xx whose code is neither expected nor caused by another service. */
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
