import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { repository } from '../../apps/launcher/src/paths.ts'
import { makeDataFolder, removeDataFolder } from '../data-folder.ts'
import { hasReaders } from '../reader-count.ts'

let folder: string
let logs: string
let log: string
let stop: () => Promise<unknown>
let url: string

beforeAll(async () => {
  folder = await makeDataFolder()
  logs = join(folder, 'log')
  log = join(logs, 'persql.log')
  // logrotate refuses a folder that others can write to.
  mkdirSync(logs, { mode: 0o750 })
  const file = openSync(log, 'a', 0o640)
  const { PATH, HOME } = process.env
  const child = spawn(process.execPath, [join(repository, 'apps/launcher/main.mjs')], {
    cwd: folder,
    env: { PATH, HOME, PORT: '0', ...(hasReaders ? {} : { PERSQL_READERS: '0' }) },
    stdio: ['ignore', file, file],
  })
  const exited = once(child, 'exit')
  stop = () => {
    child.kill('SIGINT')
    return exited
  }
  await vi.waitFor(() => expect(readFileSync(log, 'utf8')).toContain('Press Ctrl-C to stop.'), 240_000)
  url = /URL\s+(\S+)/.exec(readFileSync(log, 'utf8'))?.[1] ?? ''
})
afterAll(async () => {
  await stop?.()
  await removeDataFolder(folder)
})

/** Sends a request and waits until its line is in the log. */
async function request(id: string): Promise<void> {
  await fetch(`${url}/v1/me`, { headers: { 'X-Request-Id': id } })
  await vi.waitFor(() => expect(readFileSync(log, 'utf8')).toContain(id), 60_000)
}

/** Runs logrotate as if a day had passed. */
function rotate(): void {
  const file = join(folder, 'logrotate.conf')
  const config = readFileSync(join(repository, 'deploy/logrotate.conf'), 'utf8')
  writeFileSync(file, config.replace('/var/log/persql/persql.log', log), { mode: 0o644 })
  execFileSync('logrotate', ['--force', '--state', join(folder, 'state'), file], { stdio: 'pipe' })
}

const rotated = () =>
  readdirSync(logs)
    .filter((name) => name !== 'persql.log')
    .sort()

test('logrotate empties the log of a running instance, which goes on writing lines of JSON', async () => {
  await request('before-rotation')
  rotate()
  const [first = ''] = rotated()
  expect(readFileSync(join(logs, first), 'utf8')).toContain('before-rotation')
  expect(readFileSync(log, 'utf8')).not.toContain('before-rotation')
  await request('after-rotation')
  const text = readFileSync(log, 'utf8')
  expect(text).not.toContain('\0')
  const lines = text.trim().split('\n')
  const entry = lines.map((line) => JSON.parse(line)).find(({ requestId }) => requestId === 'after-rotation')
  expect(entry).toMatchObject({ event: 'request', path: '/v1/me', status: 401 })
})

test('the previous log is compressed at the next rotation', async () => {
  // The names of rotated files have the second.
  await vi.waitFor(
    () => expect(Date.now() / 1000 - Number(/-(\d+)$/.exec(rotated()[0] ?? '')?.[1])).toBeGreaterThan(1),
    60_000,
  )
  rotate()
  const [first = '', second = ''] = rotated()
  expect(first).toMatch(/\.gz$/)
  expect(execFileSync('gzip', ['-cd', join(logs, first)], { encoding: 'utf8' })).toContain('before-rotation')
  expect(readFileSync(join(logs, second), 'utf8')).toContain('after-rotation')
})
