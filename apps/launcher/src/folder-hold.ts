import { createHash, randomInt } from 'node:crypto'
import { readdirSync, realpathSync, rmSync, statSync } from 'node:fs'
import { connect, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

/** The response of a hold socket: a process that holds the folder, or one that is trying to. */
interface Peer {
  pid: number
  isHolding: boolean
}

/** A hold on a folder, kept by the kernel until this process and all processes that inherited `fd` have ended. */
export interface FolderHold {
  /** The descriptor for a child process to inherit; `undefined` on systems without inheritance. */
  fd: number | undefined
  /** Whether only processes in the same network namespace can detect the hold. */
  isLocal: boolean
  release(): void
}

/** The process that holds a folder. `pid` is undefined if it didn't respond. */
export interface Holder {
  readonly pid: number | undefined
}

/** Thrown when a running process holds the folder. `pid` is undefined if that process didn't respond. */
export class FolderHeldError extends Error {
  override readonly name = 'FolderHeldError'
  readonly pid: number | undefined

  constructor(pid: number | undefined) {
    super('The folder is held by another process.')
    this.pid = pid
  }
}

const answerMs = 1_000
const maxAttempts = 40
/** The limit for a Unix socket path: 104 bytes on macOS, 108 on Linux. */
const maxPathBytes = 100
const noSockets: ReadonlySet<string | undefined> = new Set(['ENOTSUP', 'EOPNOTSUPP', 'EPERM', 'ENOSYS', 'EINVAL'])

/**
 * Takes a hold on a folder with a listening Unix socket in it. The kernel knows whether a process listens, also across
 * containers, and closes the socket however that process ends.
 *
 * A socket that may be in use is never removed. Each process listens on its own numbered socket first and then checks for
 * other sockets. Of two processes, the later one always finds the earlier one. A process that finds another one withdraws.
 * @throws FolderHeldError
 */
export async function holdFolder(folder: string): Promise<FolderHold> {
  if (process.platform === 'win32') return holdName(toPipeName(folder))
  for (let attempt = 1; attempt <= maxAttempts; attempt++) {
    const rival = await findRival(folder)
    if (rival?.isHolding) throw new FolderHeldError(rival.pid)
    if (rival === undefined) {
      const taken = await take(folder)
      if (taken) return taken
    }
    await delay(randomInt(20, 120))
  }
  throw new FolderHeldError(undefined)
}

/** Takes a hold on a folder as soon as no other process, and no other part of this one, has it. */
export async function waitForFolder(folder: string): Promise<FolderHold> {
  for (;;) {
    try {
      return await holdFolder(folder)
    } catch (cause) {
      if (!(cause instanceof FolderHeldError)) throw cause
      await delay(randomInt(50, 150))
    }
  }
}

/** Returns the process that holds a folder, without taking a hold. */
export async function findHolder(folder: string): Promise<Holder | undefined> {
  const isWindows = process.platform === 'win32'
  const rival = isWindows ? undefined : await findRival(folder)
  if (rival?.isHolding) return { pid: rival.pid }
  if (process.platform === 'darwin') return undefined
  const answer = await ask(undefined, isWindows ? toPipeName(folder) : toAbstractName(folder))
  return answer === 'not-listening' ? undefined : { pid: answer === 'no-response' ? undefined : answer.pid }
}

async function take(folder: string): Promise<FolderHold | undefined> {
  const name = toSocketName(Math.max(0, ...socketsIn(folder).map(parseSocketNumber)) + 1)
  const state: Peer = { pid: process.pid, isHolding: false }
  const server = answering(state)
  try {
    await listen(server, folder, name)
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'EADDRINUSE') return undefined
    if (noSockets.has(code)) return holdName(toAbstractName(folder))
    throw cause
  }
  const release = (): void => {
    rmSync(join(folder, name), { force: true })
    server.close()
  }
  const { ino } = statSync(join(folder, name))
  if ((await findRival(folder, name)) !== undefined || findInode(join(folder, name)) !== ino) {
    release()
    return undefined
  }
  state.isHolding = true
  for (const other of socketsIn(folder)) {
    if (other !== name && (await ask(folder, other)) === 'not-listening') rmSync(join(folder, other), { force: true })
  }
  return { fd: getDescriptor(server), isLocal: false, release }
}

/** Takes a hold by name, for systems whose socket names aren't files. One process can have the name; the kernel removes it. */
async function holdName(name: string): Promise<FolderHold> {
  const server = answering({ pid: process.pid, isHolding: true })
  try {
    await listen(server, undefined, name)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw cause
    const holder = await ask(undefined, name)
    throw new FolderHeldError(typeof holder === 'object' ? holder.pid : undefined)
  }
  return { fd: getDescriptor(server), isLocal: process.platform !== 'win32', release: () => void server.close() }
}

/** Returns the process that holds the folder, or else one that is trying to. */
async function findRival(
  folder: string,
  own?: string,
): Promise<{ pid: number | undefined; isHolding: boolean } | undefined> {
  const answers = await Promise.all(
    socketsIn(folder)
      .filter((name) => name !== own)
      .map((name) => ask(folder, name)),
  )
  const rivals = answers.filter((answer) => answer !== 'not-listening')
  // A socket without a response belongs to a workerd whose launcher was killed, or to a suspended launcher. Both hold the folder.
  const known = rivals.map((answer) => (answer === 'no-response' ? { pid: undefined, isHolding: true } : answer))
  return known.find(({ isHolding }) => isHolding) ?? known[0]
}

function ask(folder: string | undefined, name: string): Promise<Peer | 'no-response' | 'not-listening'> {
  return new Promise((resolve) => {
    let text = ''
    const socket = at(folder, name, (path) => connect(path))
    const timer = setTimeout(() => finish('no-response'), answerMs)
    const finish = (answer: Peer | 'no-response' | 'not-listening'): void => {
      clearTimeout(timer)
      socket.destroy()
      resolve(answer)
    }
    socket.setEncoding('utf8').on('data', (chunk) => (text += chunk))
    socket.on('end', () => finish(parsePeer(text)))
    // All other errors come from a listening process: its queue is full, or it belongs to another user.
    socket.on('error', ({ code }: NodeJS.ErrnoException) =>
      finish(code === 'ECONNREFUSED' || code === 'ENOENT' ? 'not-listening' : 'no-response'),
    )
  })
}

function parsePeer(text: string): Peer | 'no-response' {
  try {
    const { pid, isHolding } = JSON.parse(text)
    return { pid: Number(pid), isHolding: isHolding === true }
  } catch {
    return 'no-response'
  }
}

function answering(state: Peer): Server {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.end(JSON.stringify(state))
  })
  server.unref()
  return server
}

function listen(server: Server, folder: string | undefined, name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    at(folder, name, (path) => server.listen(path, resolve))
  })
}

/** Calls `use` with the path of a socket. If the path exceeds the limit, changes into the folder and uses the name alone. */
function at<T>(folder: string | undefined, name: string, use: (path: string) => T): T {
  const path = folder === undefined ? name : join(folder, name)
  if (folder === undefined || Buffer.byteLength(path) <= maxPathBytes) return use(path)
  const before = process.cwd()
  process.chdir(folder)
  try {
    return use(name)
  } finally {
    process.chdir(before)
  }
}

const toPipeName = (folder: string): string => `\\\\.\\pipe\\persql-${createFolderId(folder)}`
const toAbstractName = (folder: string): string => `\0persql-${createFolderId(folder)}`
const toSocketName = (number: number): string => `hold-${number}.sock`
const parseSocketNumber = (name: string): number => Number(/^hold-(\d{1,9})\.sock$/.exec(name)?.[1] ?? Number.NaN)

function socketsIn(folder: string): string[] {
  return readdirSync(folder).filter((name) => !Number.isNaN(parseSocketNumber(name)))
}

function findInode(file: string): number | undefined {
  return statSync(file, { throwIfNoEntry: false })?.ino
}

/** Returns an ID of the folder that is the same for every path to it. */
function createFolderId(folder: string): string {
  const path = realpathSync.native(folder)
  const key = process.platform === 'win32' ? path.toLowerCase() : `${statSync(path).dev}:${statSync(path).ino}`
  return createHash('sha256').update(key).digest('hex').slice(0, 32)
}

/** Returns the descriptor of a server, for which Node has no public API. */
function getDescriptor(server: Server): number | undefined {
  const { fd } = (server as Server & { _handle?: { fd?: number } })._handle ?? {}
  return fd !== undefined && fd >= 0 ? fd : undefined
}
