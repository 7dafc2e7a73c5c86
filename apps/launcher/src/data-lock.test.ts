import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { DataInUseError, type DataLock, lockData } from './data-lock.ts'
import { identify } from './process-identity.ts'

let folder: string
let locks: DataLock[]
let children: ChildProcess[]
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'persql-lock-'))
  locks = []
  children = []
})
afterEach(() => {
  for (const lock of locks) lock.release()
  for (const child of children) child.kill('SIGKILL')
  rmSync(folder, { recursive: true })
})

async function lock(data = folder): Promise<DataLock> {
  const taken = await lockData(data)
  locks.push(taken)
  return taken
}
const sockets = () => readdirSync(folder).filter((name) => name.endsWith('.sock'))

/** Starts a process that runs until it is killed, with `fd` open. */
async function child(fd: number | undefined): Promise<ChildProcess> {
  const args = ['-e', 'process.stdout.write("up"); setInterval(() => {}, 1e6)']
  const started = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore', fd ?? 'ignore'] })
  children.push(started)
  await once(started.stdout as NodeJS.EventEmitter, 'data')
  return started
}

/** Creates the socket file of a killed process: it exists, but no process listens. */
async function leaveSocket(name: string): Promise<void> {
  const program = `require('net').createServer().listen(${JSON.stringify(join(folder, name))}, () => process.kill(process.pid, 'SIGKILL'))`
  await once(spawn(process.execPath, ['-e', program]), 'exit')
  expect(existsSync(join(folder, name))).toBe(true)
}

test('one process holds a folder until it releases it', async () => {
  const first = await lock()
  await expect(lock()).rejects.toThrow(`${folder} is already in use by another PerSQL process (PID ${process.pid}).`)
  first.release()
  expect(readdirSync(folder)).toEqual([])
  await lock()
})

test('exactly one of many concurrent starts gets the folder, with any leftover files', async () => {
  for (const name of ['hold-1.sock', 'hold-7.sock', 'hold-8.sock']) await leaveSocket(name)
  const attempts = await Promise.allSettled(Array.from({ length: 20 }, () => lock()))
  expect(attempts.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  for (const attempt of attempts) {
    if (attempt.status === 'rejected') expect(attempt.reason).toBeInstanceOf(DataInUseError)
  }
  expect(sockets()).toHaveLength(1)
})

test.each([
  ['sockets without a listener', () => leaveSocket('hold-3.sock')],
  ['a file where a socket would be', async () => writeFileSync(join(folder, 'hold-1.sock'), '')],
  [
    'a lock file of a process that is gone',
    async () => writeFileSync(join(folder, 'lock'), JSON.stringify({ launcher: { pid: 4_000_000, started: '1' } })),
  ],
  [
    'a lock file of another process with this pid',
    async () => writeFileSync(join(folder, 'lock'), JSON.stringify({ launcher: { pid: 1, started: 'earlier' } })),
  ],
  [
    'a lock file of another container',
    async () =>
      writeFileSync(
        join(folder, 'lock'),
        JSON.stringify({
          launcher: { ...identify(1), namespace: 'pid:[1]' },
          workerd: { ...identify(1), namespace: 'pid:[1]' },
        }),
      ),
  ],
  ['a lock file that is garbage', async () => writeFileSync(join(folder, 'lock'), '{"launcher":')],
] as const)('%s does not prevent a start', async (_what, leave) => {
  await leave()
  await lock()
  expect(sockets()).toHaveLength(1)
})

test('all paths to a folder share its lock, and the path can be long', async () => {
  const deep = join(folder, 'a'.repeat(120), 'b'.repeat(120))
  mkdirSync(deep, { recursive: true })
  const link = join(folder, 'link')
  symlinkSync(deep, link)
  const before = process.cwd()
  const first = await lock(deep)
  await expect(lock(link)).rejects.toBeInstanceOf(DataInUseError)
  await expect(lock(deep)).rejects.toBeInstanceOf(DataInUseError)
  expect(process.cwd()).toBe(before)
  first.release()
  await lock(link)
})

test('a process that inherited the hold keeps it after its launcher ended', async () => {
  const first = await lock()
  const heir = await child(first.fd)
  first.hold([heir.pid as number])
  // As after a kill: the descriptor is closed, but the files remain.
  const text = JSON.stringify({
    launcher: { pid: 4_000_000, started: '1' },
    workerd: identify(heir.pid as number),
    isHeld: true,
  })
  const socket = sockets()[0] as string
  const rescued = join(folder, 'rescued')
  linkSync(join(folder, socket), rescued)
  first.release()
  locks = []
  renameSync(rescued, join(folder, socket))
  // The heir can't be stopped from another container.
  const elsewhere = JSON.parse(text)
  elsewhere.workerd.namespace = 'pid:[1]'
  writeFileSync(join(folder, 'lock'), JSON.stringify(elsewhere))
  await expect(lock()).rejects.toThrow(/is already in use by a process that doesn't respond/)
  expect(heir.exitCode).toBeNull()
  // It can be stopped from this container.
  writeFileSync(join(folder, 'lock'), text)
  await lock()
  expect(heir.signalCode ?? (await once(heir, 'exit'))[1]).toBe('SIGKILL')
})

test('ends the processes of all cells that a killed launcher left', async () => {
  const first = await lock()
  const cells = [await child(first.fd), await child(first.fd), await child(first.fd)]
  first.hold(cells.map(({ pid }) => pid as number))
  const text = JSON.parse(readFileSync(join(folder, 'lock'), 'utf8'))
  expect([text.workerd.pid, ...text.cells.map(({ pid }: { pid: number }) => pid)]).toEqual(cells.map(({ pid }) => pid))
  const socket = sockets()[0] as string
  const rescued = join(folder, 'rescued')
  linkSync(join(folder, socket), rescued)
  first.release()
  locks = []
  renameSync(rescued, join(folder, socket))
  // The first cell has already ended.
  cells[0]?.kill('SIGKILL')
  await once(cells[0] as ChildProcess, 'exit')
  writeFileSync(join(folder, 'lock'), JSON.stringify({ ...text, launcher: { pid: 4_000_000, started: '1' } }))
  await lock()
  for (const cell of cells) expect(cell.signalCode ?? (await once(cell, 'exit'))[1]).toBe('SIGKILL')
})

test('respects an older launcher, which has only the lock file', async () => {
  const older = await child(undefined)
  writeFileSync(join(folder, 'lock'), JSON.stringify({ launcher: identify(older.pid as number) }))
  await expect(lock()).rejects.toThrow(`is already in use by another PerSQL process (PID ${older.pid})`)
  older.kill('SIGKILL')
  await once(older, 'exit')
  await lock()
})

test('a listener with an invalid response still holds the folder', async () => {
  for (const answer of ['', 'x'.repeat(100), '{"pid":']) {
    const server = createServer((socket) => socket.end(answer)).listen(join(folder, 'hold-1.sock'))
    await once(server, 'listening')
    await expect(lock(), answer).rejects.toThrow(/is already in use by a process that doesn't respond/)
    await new Promise((resolve) => server.close(resolve))
  }
})
