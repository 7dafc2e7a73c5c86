import { createHash, randomInt } from 'node:crypto'
import { readdirSync, realpathSync, rmSync, statSync } from 'node:fs'
import { connect, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

/** What answers when a hold is asked: a process that has the folder, or one that is about to take it. */
interface Peer {
  pid: number
  isHolding: boolean
}

/** A folder that the kernel holds for this process and for those that inherit `fd`, until the last of them ends. */
export interface FolderHold {
  /** To be inherited by a process that works on the folder too. Missing where processes cannot inherit it. */
  fd: number | undefined
  /** Whether only processes that share this one's network can notice the hold. */
  isLocal: boolean
  release(): void
}

/** Thrown when a live process holds the folder. Without a `pid` it did not say who it is. */
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
/** What the address of a unix socket can have: 104 bytes on macOS, 108 on Linux. */
const maxPathBytes = 100
const noSockets: ReadonlySet<string | undefined> = new Set(['ENOTSUP', 'EOPNOTSUPP', 'EPERM', 'ENOSYS', 'EINVAL'])

/**
 * Takes a folder for this process. A unix socket in the folder is the hold: whether somebody listens on it is known to
 * the kernel alone, across containers, and ends with the process however that ends.
 *
 * No process removes a socket that may be alive. Each that wants the folder listens on a number of its own, then looks
 * for others: of two, the one that listened later sees the earlier one. Whoever sees another withdraws.
 */
export async function holdFolder(folder: string): Promise<FolderHold> {
  if (process.platform === 'win32') return holdName(`\\\\.\\pipe\\persql-${idOf(folder)}`)
  for (let attempt = 1; attempt <= maxAttempts; attempt++) {
    const rival = await rivalOf(folder)
    if (rival?.isHolding) throw new FolderHeldError(rival.pid)
    if (rival === undefined) {
      const taken = await take(folder)
      if (taken) return taken
    }
    await delay(randomInt(20, 120))
  }
  throw new FolderHeldError(undefined)
}

async function take(folder: string): Promise<FolderHold | undefined> {
  const name = nameOf(Math.max(0, ...socketsIn(folder).map(numberOf)) + 1)
  const state: Peer = { pid: process.pid, isHolding: false }
  const server = answering(state)
  try {
    await listen(server, folder, name)
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'EADDRINUSE') return undefined
    if (noSockets.has(code)) return holdName(`\0persql-${idOf(folder)}`)
    throw cause
  }
  const release = (): void => {
    rmSync(join(folder, name), { force: true })
    server.close()
  }
  const { ino } = statSync(join(folder, name))
  if ((await rivalOf(folder, name)) !== undefined || inodeOf(join(folder, name)) !== ino) {
    release()
    return undefined
  }
  state.isHolding = true
  for (const other of socketsIn(folder)) {
    if (other !== name && (await ask(folder, other)) === 'nobody') rmSync(join(folder, other), { force: true })
  }
  return { fd: fdOf(server), isLocal: false, release }
}

/** For systems whose kernel knows names that are no files: one process can have a name, and none is left behind. */
async function holdName(name: string): Promise<FolderHold> {
  const server = answering({ pid: process.pid, isHolding: true })
  try {
    await listen(server, undefined, name)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw cause
    const holder = await ask(undefined, name)
    throw new FolderHeldError(typeof holder === 'object' ? holder.pid : undefined)
  }
  return { fd: fdOf(server), isLocal: process.platform !== 'win32', release: () => void server.close() }
}

/** The one that has the folder, or else one that tries to have it too. */
async function rivalOf(
  folder: string,
  own?: string,
): Promise<{ pid: number | undefined; isHolding: boolean } | undefined> {
  const answers = await Promise.all(
    socketsIn(folder)
      .filter((name) => name !== own)
      .map((name) => ask(folder, name)),
  )
  const rivals = answers.filter((answer) => answer !== 'nobody')
  // One that says nothing is a workerd whose launcher is gone, or a launcher that is stopped: both have the folder.
  const known = rivals.map((answer) => (answer === 'silence' ? { pid: undefined, isHolding: true } : answer))
  return known.find(({ isHolding }) => isHolding) ?? known[0]
}

function ask(folder: string | undefined, name: string): Promise<Peer | 'silence' | 'nobody'> {
  return new Promise((resolve) => {
    let text = ''
    const socket = at(folder, name, (path) => connect(path))
    const timer = setTimeout(() => finish('silence'), answerMs)
    const finish = (answer: Peer | 'silence' | 'nobody'): void => {
      clearTimeout(timer)
      socket.destroy()
      resolve(answer)
    }
    socket.setEncoding('utf8').on('data', (chunk) => (text += chunk))
    socket.on('end', () => finish(parsePeer(text)))
    // Everything else means that somebody is there: a full queue, or another user's process.
    socket.on('error', ({ code }: NodeJS.ErrnoException) =>
      finish(code === 'ECONNREFUSED' || code === 'ENOENT' ? 'nobody' : 'silence'),
    )
  })
}

function parsePeer(text: string): Peer | 'silence' {
  try {
    const { pid, isHolding } = JSON.parse(text)
    return { pid: Number(pid), isHolding: isHolding === true }
  } catch {
    return 'silence'
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

/** Does what takes the path of a socket. One that is too long for an address is reached from within its folder. */
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

const nameOf = (number: number): string => `hold-${number}.sock`
const numberOf = (name: string): number => Number(/^hold-(\d{1,9})\.sock$/.exec(name)?.[1] ?? Number.NaN)

function socketsIn(folder: string): string[] {
  return readdirSync(folder).filter((name) => !Number.isNaN(numberOf(name)))
}

function inodeOf(file: string): number | undefined {
  return statSync(file, { throwIfNoEntry: false })?.ino
}

/** The same for every path that leads to the folder. */
function idOf(folder: string): string {
  const path = realpathSync.native(folder)
  const key = process.platform === 'win32' ? path.toLowerCase() : `${statSync(path).dev}:${statSync(path).ino}`
  return createHash('sha256').update(key).digest('hex').slice(0, 32)
}

/** Node has no public name for the descriptor of a server. */
function fdOf(server: Server): number | undefined {
  const { fd } = (server as Server & { _handle?: { fd?: number } })._handle ?? {}
  return fd !== undefined && fd >= 0 ? fd : undefined
}
