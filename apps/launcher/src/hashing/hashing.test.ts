import { pbkdf2Sync, scryptSync } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { constants, getPriority, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { hashingBuild, writeBuild } from '../build.ts'
import type { Log } from '../log.ts'
import { isRunning } from '../process-identity.ts'
import { createHashServer } from './hash-server.ts'
import { type Hashing, type HashingOptions, startHashing } from './hashing.ts'

const encode = (text: string | Buffer) => Buffer.from(text).toString('base64')
const scryptJob = { lane: 'account', source: '127.0.0.1', algorithm: { name: 'scrypt' }, bytes: 64 }
const slow = { name: 'pbkdf2', iterations: 2_000_000 }
const job = (fields: object = {}) => ({ ...scryptJob, password: encode('secret'), salt: encode('salt'), ...fields })

interface Answer {
  status: number
  body: object
}

interface Target {
  address: string
  key: string
}

/** Sends a request and resolves with its status and body; rejects if the connection breaks. */
function send({ address, key }: Target, body: unknown, signal?: AbortSignal): Promise<Answer> {
  const path = /^unix:(.*)$/.exec(address)?.[1]
  const [host, port] = address.split(':')
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        ...(path === undefined ? { host, port } : { socketPath: path }),
        ...{ method: 'POST', headers: { authorization: `Bearer ${key}` }, ...(signal && { signal }) },
      },
      async (response) => {
        const answer = (await response.setEncoding('utf8').toArray()).join('')
        resolve({ status: response.statusCode ?? 0, body: JSON.parse(answer) })
      },
    )
    sent.on('error', reject).end(text)
  })
}

describe('the server', () => {
  let target: Target
  let close: () => void
  /** Waits until this number of connections is open. */
  let connections: (wanted: number) => Promise<void>
  beforeEach(async () => {
    const server = createHashServer('the key', 1)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    target = { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, key: 'the key' }
    connections = async (wanted) => {
      const count = () => new Promise((resolve) => server.getConnections((_error, open) => resolve(open)))
      while ((await count()) !== wanted) await delay(5)
    }
    close = () => {
      server.close()
      server.closeAllConnections()
    }
  })
  afterEach(() => close())

  test('derives the keys of Better Auth and of PBKDF2', async () => {
    const scrypted = scryptSync('pässwörd', 'a1b2', 64, { N: 16_384, r: 16, p: 1, maxmem: 2 ** 27 })
    const first = await send(target, job({ password: encode('pässwörd'), salt: encode('a1b2') }))
    expect(first).toEqual({ status: 200, body: { key: encode(scrypted) } })
    const derived = pbkdf2Sync('', Buffer.from([0, 255]), 1_000, 16, 'sha256')
    const fields = { password: '', salt: encode(Buffer.from([0, 255])), bytes: 16 }
    const second = await send(target, job({ algorithm: { name: 'pbkdf2', iterations: 1_000 }, ...fields }))
    expect(second).toEqual({ status: 200, body: { key: encode(derived) } })
  })

  test.each([
    '',
    '{',
    'null',
    '[]',
    job({ lane: 'other' }),
    job({ source: 7 }),
    job({ source: 'x'.repeat(201) }),
    job({ password: null }),
    job({ salt: undefined }),
    job({ bytes: 0 }),
    job({ bytes: 65 }),
    job({ bytes: 1.5 }),
    job({ algorithm: { name: 'md5' } }),
    job({ algorithm: { name: 'pbkdf2' } }),
    job({ algorithm: { name: 'pbkdf2', iterations: 2_000_001 } }),
    job({ algorithm: null }),
    job({ password: 'x'.repeat(2 * 1024 * 1024) }),
  ])('rejects an invalid request %#', async (body) => {
    expect(await send(target, body)).toEqual({ status: 400, body: { error: 'Invalid request.' } })
  })

  test.each(['', 'other', 'the', 'THE KEY'])('rejects the key "%s"', async (key) => {
    expect((await send({ ...target, key }, job())).status).toBe(401)
  })

  test('refuses what the queue has no place for, and serves the rest', async () => {
    const answers = await Promise.all(Array.from({ length: 40 }, () => send(target, job({ algorithm: quick }))))
    const statuses = new Set(answers.map(({ status }) => status))
    expect([...statuses].sort()).toEqual([200, 429])
    expect(answers.filter(({ status }) => status === 200).length).toBeGreaterThanOrEqual(17)
    expect((await send(target, job())).status).toBe(200)
  })
  const quick = { name: 'pbkdf2', iterations: 300_000 }

  test('gives the place of a caller that disconnects to another', async () => {
    const running = send(target, job({ algorithm: slow }))
    const callers = Array.from({ length: 16 }, () => new AbortController())
    const left = Promise.allSettled(callers.map(({ signal }) => send(target, job({ algorithm: slow }), signal)))
    await connections(17)
    for (const caller of callers) caller.abort()
    expect(new Set((await left).map(({ status }) => status))).toEqual(new Set(['rejected']))
    await connections(1)
    const next = await Promise.all(Array.from({ length: 15 }, () => send(target, job())))
    expect(next.map(({ status }) => status)).toEqual(next.map(() => 200))
    expect((await running).status).toBe(200)
  })
})

describe('the process', () => {
  const folder = mkdtempSync(join(tmpdir(), 'persql-hash-build-'))
  const built = join(folder, 'hashing.cjs')
  beforeAll(() => writeBuild(hashingBuild(built)))
  afterAll(() => rmSync(folder, { recursive: true }))
  let data: string
  let log: [level: string, event: string][]
  let hashing: Hashing | undefined
  beforeEach(() => {
    data = mkdtempSync(join(tmpdir(), 'persql-hash-'))
    log = []
  })
  afterEach(async () => {
    await hashing?.stop()
    hashing = undefined
    rmSync(data, { recursive: true })
  })
  const record: Log = (level, event) => void log.push([level, event])
  const start = async (options: Partial<HashingOptions> = {}) => {
    hashing = await startHashing({ data, built, log: record, slots: 2, ...options })
    return hashing
  }
  const restarted = async () => {
    while (!log.some(([, event]) => event === 'hashing_restarted')) await delay(10)
  }

  test('listens on a socket that only this user can reach, and removes it', async () => {
    const { address } = await start()
    expect(address).toBe(`unix:${join(data, 'run', 'hashing', 'socket')}`)
    expect(statSync(join(data, 'run', 'hashing')).mode & 0o777).toBe(0o700)
    expect((await send(hashing as Hashing, job())).status).toBe(200)
    await hashing?.stop()
    expect(readdirSync(join(data, 'run'))).toEqual(['hashing.cjs'])
    expect(log).toEqual([])
  })

  test('leaves a folder of an earlier run that others can open', async () => {
    mkdirSync(join(data, 'run', 'hashing'), { recursive: true, mode: 0o777 })
    writeFileSync(join(data, 'run', 'hashing', 'socket'), 'left over')
    await start()
    expect(statSync(join(data, 'run', 'hashing')).mode & 0o777).toBe(0o700)
    expect((await send(hashing as Hashing, job())).status).toBe(200)
  })

  test('uses the folder for temporary files if the path of the data folder is too long', async () => {
    const { address } = await start({ data: join(data, 'x'.repeat(120)) })
    const folder = dirname(address.slice('unix:'.length))
    expect(folder.startsWith(join(tmpdir(), 'persql-hashing-'))).toBe(true)
    expect(statSync(folder).mode & 0o777).toBe(0o700)
    expect((await send(hashing as Hashing, job())).status).toBe(200)
    await hashing?.stop()
    expect(statSync(folder, { throwIfNoEntry: false })).toBeUndefined()
  })

  test('listens on a port on systems without sockets, and keeps it', async () => {
    const { address, pid } = await start({ transport: 'port' })
    expect(address).toMatch(/^127\.0\.0\.1:\d+$/)
    process.kill(pid(), 'SIGKILL')
    await restarted()
    expect((await send(hashing as Hashing, job())).status).toBe(200)
    expect((await send({ address, key: 'guessed' }, job())).status).toBe(401)
  })

  test('starts again when it is killed, at the same address', async () => {
    const { pid } = await start()
    const before = pid()
    const cut = send(hashing as Hashing, job({ algorithm: slow }))
    cut.catch(() => {})
    process.kill(before, 'SIGKILL')
    await expect(cut).rejects.toThrow()
    await restarted()
    expect(pid()).not.toBe(before)
    expect((await send(hashing as Hashing, job())).status).toBe(200)
    expect(log).toEqual([
      ['error', 'hashing_crashed'],
      ['info', 'hashing_restarted'],
    ])
  })

  test('never starts again after a stop', async () => {
    const { pid } = await start()
    const last = pid()
    process.kill(last, 'SIGKILL')
    await hashing?.stop()
    expect(isRunning({ pid: pid() })).toBe(false)
    const path = join(data, 'run', 'hashing', 'socket')
    const code = await new Promise((resolve) =>
      connect(path).on('error', (error: NodeJS.ErrnoException) => resolve(error.code)),
    )
    expect(code).toBe('ENOENT')
  })

  test.runIf(process.platform === 'linux')('hashes in threads of low priority', async () => {
    const { pid } = await start()
    await Promise.all([send(hashing as Hashing, job()), send(hashing as Hashing, job())])
    const low = constants.priority.PRIORITY_BELOW_NORMAL
    expect(getPriority(pid())).toBe(low)
    // The main thread and those of the pool; V8's own threads are older.
    const nices = readdirSync(`/proc/${pid()}/task`).map((thread) => {
      const [, fields = ''] = readFileSync(`/proc/${pid()}/task/${thread}/stat`, 'utf8').split(') ')
      return Number(fields.split(' ')[16])
    })
    expect(nices.filter((nice) => nice === low)).toHaveLength(3)
  })
})
