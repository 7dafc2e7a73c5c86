import { existsSync, readFileSync } from 'node:fs'
import { mkdir, readFile } from 'node:fs/promises'
import { parseEnv } from 'node:util'
import { bootstrap } from './bootstrap-namespace.ts'
import { buildPlatform } from './build.ts'
import { type ConfigOptions, FORWARDED_SETTINGS } from './config.ts'
import { buildConsole } from './console-build.ts'
import { stampData } from './data-format.ts'
import { type DataLock, lockData } from './data-lock.ts'
import { type Hashing, startHashing } from './hashing/hashing.ts'
import { instanceSecret } from './instance-secret.ts'
import { jsonLog } from './log.ts'
import { moveAlarms } from './move-alarms.ts'
import { probe } from './probe.ts'
import { Readers } from './readers.ts'
import { readSettings, type Settings } from './settings.ts'
import { type SupervisedProcess, supervise } from './watchdog.ts'
import { formatWelcome } from './welcome-message.ts'
import { type DataOptions, localUrl, prepareData } from './workerd-process.ts'

const log = jsonLog((line) => process.stdout.write(line))

/** Runs `npm start`: the platform in the foreground until SIGINT or SIGTERM. Resolves with the exit code. */
export async function main(): Promise<number> {
  return runProgram(run)
}

/** Runs a program with the settings of the environment and `.env`. Resolves with its exit code. */
export async function runProgram(program: (settings: Settings) => Promise<void>): Promise<number> {
  try {
    const fromFile = existsSync('.env') ? parseEnv(readFileSync('.env', 'utf8')) : {}
    await program(readSettings({ ...fromFile, ...process.env }))
    return 0
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    return 1
  }
}

async function run(settings: Settings): Promise<void> {
  const stopped = stopSignal()
  await withData(settings, async (instance) => {
    const data = settings.PERSQL_DATA
    const [consoleFiles] = await Promise.all([buildConsole(), buildPlatform()])
    await prepareData(data, await dataOptions(settings, instance, { consoleFiles }))
    const supervised = await start(settings, instance)
    try {
      const greeted = greet(settings, instance.secret, supervised.port)
      const signal = await Promise.race([stopped, greeted.then(() => stopped)])
      process.stdout.write(`\n${signal} received, stopping. All committed data is in ${data}.\n`)
    } finally {
      await supervised.stop()
    }
  })
}

/** An instance whose data folder this process holds. */
export interface Instance {
  readonly lock: DataLock
  readonly secret: string
  readonly hashing: Hashing
}

/** Runs `work` while this process holds the data folder and the process that hashes passwords runs. */
export async function withData(settings: Settings, work: (instance: Instance) => Promise<void>): Promise<void> {
  const data = settings.PERSQL_DATA
  await mkdir(data, { recursive: true, mode: 0o700 })
  const lock = await lockData(data)
  if (lock.isLocal) {
    process.stderr.write(
      `The file system of ${data} doesn't support Unix sockets, so PerSQL can't detect another instance in a different container. Make sure that only one instance uses this folder.\n`,
    )
  }
  try {
    await stampData(data)
    const secret = settings.PERSQL_SECRET ?? (await instanceSecret(data))
    const hashing = await startHashing({ data, log })
    try {
      await work({ lock, secret, hashing })
    } finally {
      await hashing.stop()
    }
  } finally {
    lock.release()
  }
}

/** Returns the options of `prepareData`. */
export async function dataOptions(
  settings: Settings,
  { hashing }: Instance,
  files: Omit<DataOptions, keyof ConfigOptions>,
): Promise<DataOptions> {
  const { NODE_EXTRA_CA_CERTS: file, PERSQL_READERS: readers } = settings
  const trustedCertificates = file && (await readFile(file, 'utf8'))
  return { ...files, readers, trustedCertificates, hashingAddress: hashing.address }
}

/** Resolves with the first stop signal. It listens from the start, so that Ctrl-C during the start also stops cleanly. */
export function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, resolve)
  })
}

/** Starts workerd under the watchdog on a prepared data folder, at the address of the settings or another. */
export async function start(
  settings: Settings,
  { lock, secret, hashing }: Instance,
  { host, port } = { host: settings.HOST, port: settings.PORT },
): Promise<SupervisedProcess> {
  const { PERSQL_DATA: data, PERSQL_READERS: count } = settings
  const onStderr = (line: string) => void process.stderr.write(`${line}\n`)
  let pid = 0
  const hold = (): void => lock.hold(pid, readers.pids)
  const readers = new Readers({ data, count, log, onStderr, onStart: hold })
  const supervised = await supervise({
    data,
    host,
    port,
    environment: {
      ...Object.fromEntries(FORWARDED_SETTINGS.flatMap((name) => given(name, settings[name]))),
      PERSQL_RUNTIME: 'workerd',
      PERSQL_READERS: String(count),
      PERSQL_SECRET: secret,
      PERSQL_HASHING_KEY: hashing.key,
      ...(firstOwns(settings) && { PERSQL_FIRST_OWNS: firstOwns(settings) }),
    },
    onStderr,
    timeoutS: settings.QUERY_TIMEOUT_S,
    log,
    readers,
    onRestart: (next) => {
      pid = next
      hold()
    },
    heldFd: lock.fd,
  }).catch((cause: Error) => {
    throw new Error(startFailure(cause.message, host, port), { cause })
  })
  pid = supervised.pid()
  hold()
  try {
    // A reader would run native alarms too.
    await moveAlarms({ data, localUrl: localUrl(host, supervised.port), secret })
  } catch (cause) {
    await supervised.stop()
    throw cause
  }
  readers.start()
  const stop = async (): Promise<void> => {
    await supervised.stop()
    await readers.stop()
  }
  return { ...supervised, stop }
}

const given = (name: string, value: unknown): [string, string][] => (value === undefined ? [] : [[name, String(value)]])

/** Returns the bootstrap namespace if only users of this machine can sign up first. */
function firstOwns({ HOST, PERSQL_URL, TRUSTED_PROXIES, PERSQL_BOOTSTRAP }: Settings): string | undefined {
  const local = ['localhost', '::1'].includes(HOST) || HOST.startsWith('127.')
  const behindProxy = PERSQL_URL !== undefined || TRUSTED_PROXIES !== ''
  return local && !behindProxy && PERSQL_BOOTSTRAP !== 'off' ? PERSQL_BOOTSTRAP.namespace : undefined
}

/** Waits until the platform responds, creates the first namespace and prints the welcome message. */
export async function greet(settings: Settings, secret: string, port: number): Promise<void> {
  const { PERSQL_DATA: data, PERSQL_BOOTSTRAP: wanted } = settings
  const local = localUrl(settings.HOST, port)
  const url = settings.PERSQL_URL ?? local
  await probe(local)
  const access = wanted === 'off' ? undefined : await bootstrap({ data, localUrl: local, url, secret, ...wanted })
  process.stdout.write(`${formatWelcome({ url, data, stop: 'Press Ctrl-C to stop.' }, access)}\n`)
}

function startFailure(reason: string, host: string, port: number): string {
  if (/Address already in use|Only one usage of each socket address/.test(reason)) {
    return `Port ${port} on ${host} is already in use. Stop the other process, or set PORT (0 picks a free port).`
  }
  if (/Permission denied|forbidden by its access permissions/.test(reason))
    return `Permission denied for port ${port} on ${host}. Use a port above 1023, or run with the required privileges.`
  return `workerd failed to start:\n${reason}`
}
