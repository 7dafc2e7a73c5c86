import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { chmod, mkdir, readdir, readFile, readlink, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { isIPv6 } from 'node:net'
import { setPriority } from 'node:os'
import { dirname, join, relative, resolve } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { platformModules, readerModule } from './built-files.ts'
import {
  type ConfigOptions,
  cellSocket,
  type PlatformEnvironment,
  readerConfig,
  readerSocket,
  workerdConfig,
} from './config.ts'
import { FailureReports, reportTo } from './failure-reports.ts'
import { onLines } from './lines.ts'
import { processGuard } from './process-guard.ts'

const stopGraceMs = 5_000
/** Readers get little time while the platform needs it. */
const readerNiceness = 10
/** The maximum size of a temporary file of a reader: 1 GiB in blocks of 512 bytes. */
const maxFileBlocks = 2_097_152

export interface WorkerdOptions {
  /** The data folder: `objects/` has one SQLite file per object, `run/` the configuration and bundle. */
  data: string
  /** The cell that the process serves. Default: 0, which every instance has. */
  cell?: number
  host: string
  /** 0 selects a free port. */
  port: number
  environment: PlatformEnvironment
  /** Called with every line that workerd writes to stderr. */
  onStderr: (line: string) => void
  /** A descriptor that the process inherits and keeps open until it ends. */
  heldFd?: number
  /** The target of the request log: `inherit` (default), `ignore`, or a file descriptor. */
  stdout?: 'inherit' | 'ignore' | number
}

/**
 * workerd writes this line whenever V8 flags are set, because it then compiles its internals instead of reading a
 * cache.
 */
const expected = /bootstrap compile cache failed its compatibility check/

/** The exit of a process. */
export interface Exit {
  code: number | null
  signal: NodeJS.Signals | null
}

/** A running workerd process that accepts requests. */
export interface Workerd {
  pid: number
  port: number
  /** Resolves when the process has ended for any reason. */
  exited: Promise<Exit>
  /** Sends SIGTERM, then SIGKILL if the process doesn't end in time. */
  stop(): Promise<Exit>
  /** Sends SIGKILL. */
  kill(): Promise<Exit>
}

/** Options of `prepareData`. */
export interface DataOptions extends ConfigOptions {
  /** The bundle of the platform. Its modules and the bundle of the readers are next to it. */
  bundle: string
  /** The folder of the built console. Without one, the instance has no console. */
  consoleFiles?: string | undefined
  /** The folder of the documentation. Without one, the instance has no documentation. */
  docs?: string | undefined
}

/** Returns the folder of a cell's objects. Every process that opens a folder would run its native alarms. */
export const objectsFolder = (data: string, cell = 0): string =>
  cell === 0 ? join(data, 'objects') : join(data, 'cells', String(cell), 'objects')

/** Returns the folder of the client packages that an instance serves. */
export const packagesFolder = (data: string): string => join(data, 'packages')

/** Returns the folder of large results, which readers write and the cell sends. Each reader has a folder in it. */
const resultsFolder = (data: string, cell: number): string =>
  join(data, 'tmp', cell === 0 ? 'results' : `cell-${cell}-results`)

const configFile = (data: string, cell: number): string =>
  join(data, 'run', cell === 0 ? 'workerd.capnp' : `cell-${cell}.capnp`)

/**
 * Copies the bundle, the console and the configuration to the data folder, so a later build doesn't change a running
 * instance.
 */
export async function prepareData(data: string, { bundle, consoleFiles, docs, ...config }: DataOptions): Promise<void> {
  // Reads that sort more rows than fit in memory write temporary files.
  for (const folder of ['run', 'tmp', 'packages']) await mkdir(join(data, folder), { recursive: true })
  const run = join(data, 'run')
  await replaceFile(join(run, 'platform.mjs'), await readFile(bundle))
  const modules = config.readers ? [...platformModules, readerModule] : platformModules
  for (const name of modules) await replaceFile(join(run, name), await readFile(join(dirname(bundle), name)))
  await mkdir(join(run, 'console'), { recursive: true })
  if (consoleFiles) await copyConsole(data, consoleFiles)
  else for (const name of await readdir(join(run, 'console'))) await rm(join(run, 'console', name), { recursive: true })
  await linkDocs(join(run, 'docs'), docs)
  const cells = config.cells ?? 1
  if (cells > 1) await makePrivate(join(run, 'cells'))
  for (let cell = 0; cell < cells; cell++) {
    await mkdir(objectsFolder(data, cell), { recursive: true })
    await replaceFile(configFile(data, cell), Buffer.from(workerdConfig(config, cell)))
  }
  if (config.readers) await replaceFile(join(run, 'reader.capnp'), Buffer.from(readerConfig()))
}

/** Makes `link` lead to the documentation, which an instance doesn't copy: builds of other sources are in other folders. */
async function linkDocs(link: string, docs: string | undefined): Promise<void> {
  const target = docs && resolve(docs)
  // A restart on a full disk needs no room.
  if (target && (await readlink(link).catch(() => undefined)) === target) return
  await rm(link, { recursive: true, force: true })
  // On Windows, every user can create a junction.
  await (target ? symlink(target, link, 'junction') : mkdir(link))
}

/** Writes a file unless it has this content already, so that a restart on a full disk needs no room. */
export async function replaceFile(path: string, content: Buffer): Promise<void> {
  const known = await readFile(path).catch(() => undefined)
  if (known?.equals(content)) return
  await writeFile(`${path}.new`, content)
  await rename(`${path}.new`, path)
}

/** Creates a folder that only this user can open. */
async function makePrivate(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await chmod(folder, 0o700)
}

/** Copies the console to the data folder. A running workerd keeps the folder open, so only its files are replaced. */
export async function copyConsole(data: string, consoleFiles: string): Promise<void> {
  const served = join(data, 'run', 'console')
  const names = new Set(await readdir(consoleFiles))
  for (const name of await readdir(served)) if (!names.has(name)) await rm(join(served, name), { recursive: true })
  for (const entry of await readdir(consoleFiles, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const source = join(entry.parentPath, entry.name)
    const target = join(served, relative(consoleFiles, source))
    await mkdir(dirname(target), { recursive: true })
    await replaceFile(target, await readFile(source))
  }
}

/** Starts the platform on a prepared data folder and resolves once it listens; rejects with its error output if it can't start. */
export async function startWorkerd(options: WorkerdOptions): Promise<Workerd> {
  const { data, cell = 0, host, environment, heldFd, stdout = 'inherit' } = options
  let failures: FailureReports | undefined
  const onStderr = (line: string): void => {
    failures?.read(line)
    options.onStderr(line)
  }
  const folder = resolve(data)
  const results = resultsFolder(folder, cell)
  await Promise.all([removeSocket(folder, cellSocket(cell)), mkdir(results, { recursive: true })])
  const args = [
    configFile(folder, cell),
    `--socket-addr=http=${address(host, options.port)}`,
    `--directory-path=disk=${objectsFolder(folder, cell)}`,
    `--directory-path=console=${join(folder, 'run', 'console')}`,
    `--directory-path=docs=${join(folder, 'run', 'docs')}`,
    `--directory-path=packages=${packagesFolder(folder)}`,
    `--directory-path=results=${results}`,
  ]
  const workerd = await serve({ args, data: folder, environment, onStderr, heldFd, stdout })
  const { PERSQL_SECRET: secret } = environment
  if (secret !== undefined) failures = new FailureReports(reportTo(localUrl(host, workerd.port), secret))
  return workerd
}

/** Starts a reader on a prepared data folder and resolves once it listens. `run` identifies the process. */
export async function startReader(
  index: number,
  run: string,
  { data, cell = 0, onStderr }: Pick<WorkerdOptions, 'data' | 'cell' | 'onStderr'>,
): Promise<Workerd> {
  const folder = resolve(data)
  const socket = readerSocket(index, cell)
  await removeSocket(folder, socket)
  // An earlier process can have been ended while it wrote a result.
  const results = join(resultsFolder(folder, cell), String(index))
  await rm(results, { recursive: true, force: true })
  await mkdir(results, { recursive: true })
  const args = [
    join(folder, 'run', 'reader.capnp'),
    `--socket-addr=http=${socket}`,
    `--directory-path=disk=${objectsFolder(folder, cell)}`,
    `--directory-path=results=${results}`,
  ]
  return serve({
    args,
    niceness: readerNiceness,
    // A read that needs a larger temporary file fails, instead of filling the disk.
    limits: `trap '' XFSZ; ulimit -f ${maxFileBlocks}; `,
    data: folder,
    environment: { READER_RUN: run },
    onStderr,
    stdout: 'ignore',
  })
}

/** Removes the socket that an earlier process left. */
function removeSocket(folder: string, socket: string): Promise<void> {
  return rm(join(folder, socket.slice('unix:'.length)), { force: true })
}

interface ServeOptions extends Pick<WorkerdOptions, 'heldFd' | 'onStderr'> {
  args: readonly string[]
  data: string
  environment: Readonly<Record<string, string | undefined>>
  stdout: NonNullable<WorkerdOptions['stdout']>
  /** Commands of the shell that set limits of the process. Without a shell, it has none. */
  limits?: string
  niceness?: number
}

/**
 * Whether a shell starts the processes, with limits and a guard. A minimal container has none: there, the runtime ends all
 * processes with the launcher.
 */
const hasShell = process.platform !== 'win32' && existsSync('/bin/sh')

/** The descriptor on which a process waits until it is guarded. */
const startFd = 4

/**
 * Returns the command in a shell that waits before it becomes the command. If the launcher is killed before it has
 * guarded the process, the shell ends.
 */
function whenGuarded(command: readonly string[], limits: string): readonly [string, ...string[]] {
  const script = `read -r _ <&${startFd} || exit; exec ${startFd}<&-; ${limits}exec "$@"`
  return ['/bin/sh', '-c', script, 'sh', ...command]
}

async function serve(options: ServeOptions): Promise<Workerd> {
  const { args, data, environment, onStderr, heldFd, stdout, limits = '', niceness } = options
  const nice = niceness === undefined ? [] : ['nice', '-n', String(niceness)]
  const program = workerdBinary()
  const [command, ...before] = hasShell ? whenGuarded([...nice, program], limits) : [program]
  const child = spawn(
    command,
    [...before, 'serve', ...args, '--control-fd=3'],
    // With its own process group, Ctrl-C in a terminal reaches only the launcher, which then stops workerd in order. On
    // Windows that would open a window.
    {
      cwd: data,
      stdio: [
        'ignore',
        stdout,
        'pipe',
        'pipe',
        hasShell ? 'pipe' : 'ignore',
        ...(heldFd === undefined ? [] : [heldFd]),
      ],
      env: {
        ...inheritedEnvironment(process.platform, process.env),
        SQLITE_TMPDIR: join(data, 'tmp'),
        ...environment,
      },
      detached: process.platform !== 'win32',
      windowsHide: true,
    },
  )
  const exited = exit(child)
  if (hasShell) {
    processGuard.add(child)
    ;(child.stdio[startFd] as Writable).on('error', () => {}).end('\n')
  } else if (niceness !== undefined && child.pid !== undefined) {
    setPriority(child.pid, niceness)
  }
  const endWithUs = (): void => void child.kill('SIGKILL')
  process.on('exit', endWithUs)
  child.on('exit', () => process.off('exit', endWithUs))
  const early: string[] = []
  let report = (line: string): void => void early.push(line)
  onLines(child.stderr as Readable, (line) => {
    if (!expected.test(line)) report(line)
  })
  const port = await Promise.race([listening(child.stdio[3] as Readable), exited])
  if (typeof port !== 'number') throw new Error(early.join('\n') || 'workerd exited without an error message.')
  report = onStderr
  for (const line of early) onStderr(line)
  const end = async (signal: NodeJS.Signals): Promise<Exit> => {
    child.kill(signal)
    const timer = setTimeout(() => child.kill('SIGKILL'), stopGraceMs)
    const result = await exited
    clearTimeout(timer)
    return result
  }
  return { pid: child.pid as number, port, exited, stop: () => end('SIGTERM'), kill: () => end('SIGKILL') }
}

/** Returns the environment variables that the system requires: without `SystemRoot`, Windows has no sockets. */
export function inheritedEnvironment(platform: string, environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  if (platform !== 'win32') return {}
  const needed = ['systemroot', 'temp', 'tmp']
  return Object.fromEntries(Object.entries(environment).filter(([name]) => needed.includes(name.toLowerCase())))
}

/** Returns the path of the native binary: the package's `bin` is a Node wrapper, and its child would survive a kill. */
function workerdBinary(): string {
  return createRequire(import.meta.url)('workerd').default
}

/** Formats `host:port` for workerd and URLs. */
function address(host: string, port: number): string {
  return `${isIPv6(host) ? `[${host}]` : host}:${port}`
}

/** Returns the URL at which this machine reaches a server bound to `host`. */
export function localUrl(host: string, port: number): string {
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host
  return `http://${address(reachable, port)}`
}

async function exit(child: ChildProcess): Promise<Exit> {
  try {
    const [code, signal] = await once(child, 'close')
    return { code, signal }
  } catch (cause) {
    throw new Error("workerd couldn't be started. Check that it is installed and executable.", { cause })
  }
}

function listening(control: Readable): Promise<number> {
  return new Promise((done) => {
    onLines(control, (line) => {
      const message = JSON.parse(line)
      if (message.event === 'listen' && message.socket === 'http') done(message.port)
    })
  })
}
