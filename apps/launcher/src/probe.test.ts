import { once } from 'node:events'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { waitUntilUnresponsive } from './probe.ts'

let server: Server | undefined
const stopping = new AbortController()
afterEach(() => {
  server?.close()
})

/** Starts a server that handles each connection with `answer`. Returns its URL. */
async function listen(answer: (end: (text?: string) => void) => void): Promise<string> {
  server = createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', () => answer((text = '') => socket.end(text)))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const wait = (url: string, signal = stopping.signal, progress = () => 0) =>
  waitUntilUnresponsive(url, 500, progress, signal)
const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'

test('a process that accepts connections and does not respond is blocked', async () => {
  expect(await wait(await listen(() => {}))).toBe('blocked')
})

test('a process that refuses connections does not listen', async () => {
  const url = await listen((end) => end(ok))
  server?.close()
  expect(await wait(url)).toBe('not_listening')
})

test('a process that responds, closes connections or makes progress is left alone', async () => {
  for (const [answer, progress] of [
    [(end: (text?: string) => void) => end(ok), () => 0],
    [(end: (text?: string) => void) => end(), () => 0],
    [() => {}, () => performance.now()],
  ] as const) {
    const url = await listen(answer)
    const aborting = new AbortController()
    const waiting = wait(url, aborting.signal, progress)
    const first = await Promise.race([waiting, new Promise((resolve) => setTimeout(resolve, 1_500, 'left alone'))])
    expect(first).toBe('left alone')
    aborting.abort()
    await waiting
    server?.close()
  }
})
