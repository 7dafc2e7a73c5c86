import { createInterface } from 'node:readline'
import { reach } from '../reach.ts'
import { headersFor, type Message, readMessages } from './messages.ts'

/** The running requests. A request is aborted when the client cancels it. */
type Running = Map<Message['id'], AbortController>

/** Forwards messages between stdin and stdout and an MCP server over streamable HTTP, until stdin ends. */
export async function proxy(url: string, token: string, ended: AbortSignal): Promise<void> {
  const running: Running = new Map()
  const pending = new Set<Promise<void>>()
  const session = new Session(url, token)
  const lines = createInterface({ input: process.stdin, terminal: false })
  ended.addEventListener('abort', () => lines.close(), { once: true })
  for await (const line of lines) {
    if (line.trim() === '') continue
    const message = parsed(line)
    if (!message) {
      write({ jsonrpc: '2.0', id: null, error: { code: -32700, message: 'Invalid JSON on this line.' } })
      continue
    }
    const work = carry(session, message, running).finally(() => pending.delete(work))
    pending.add(work)
    // Later messages depend on the response to initialize.
    if (message.method === 'initialize') await work
  }
  await Promise.all(pending)
  await session.close()
}

const write = (message: unknown) => void process.stdout.write(`${JSON.stringify(message)}\n`)

function parsed(line: string): Message | undefined {
  try {
    const message = JSON.parse(line)
    return typeof message === 'object' && message !== null && !Array.isArray(message) ? message : undefined
  } catch {
    return undefined
  }
}

async function carry(session: Session, message: Message, running: Running): Promise<void> {
  const { id, method } = message
  const awaited = id !== undefined && method !== undefined
  const ended = new AbortController()
  if (awaited) running.set(id, ended)
  if (method === 'notifications/cancelled') running.get(message.params?.requestId as Message['id'])?.abort()
  try {
    const answered = await session.send(message, ended.signal)
    if (awaited && !answered) throw new Error("The server didn't respond.")
  } catch (cause) {
    if (awaited && !ended.signal.aborted) {
      write({ jsonrpc: '2.0', id, error: { code: -32000, message: (cause as Error).message } })
    }
  } finally {
    if (awaited) running.delete(id)
  }
}

/** The connection to one server. */
class Session {
  readonly #url: string
  readonly #token: string
  #id: string | undefined
  #version: string | undefined

  constructor(url: string, token: string) {
    this.#url = url
    this.#token = token
  }

  /** Sends a message and writes the messages of the response. Returns whether they include the response to it. */
  async send(message: Message, signal: AbortSignal): Promise<boolean> {
    const headers = { ...this.#headers(), ...headersFor(message, this.#version) }
    const response = await reach(this.#url, { method: 'POST', headers, body: JSON.stringify(message), signal })
    this.#id = response.headers.get('Mcp-Session-Id') ?? this.#id
    let answered = false
    for await (const came of readMessages(response)) {
      const { result, error } = came
      if (message.method === 'initialize')
        this.#version = (result?.protocolVersion as string | undefined) ?? this.#version
      const theirs = result !== undefined || error !== undefined
      // An error before the message was read, such as for an invalid token, has no ID. It belongs to this message.
      const own = theirs && (came.id === message.id || came.id === undefined || came.id === null)
      if (own && message.id === undefined) continue
      answered ||= own
      write(own ? { ...came, id: message.id } : came)
    }
    return answered
  }

  async close(): Promise<void> {
    if (this.#id === undefined) return
    await fetch(this.#url, { method: 'DELETE', headers: this.#headers(), signal: AbortSignal.timeout(2000) }).catch(
      () => {},
    )
  }

  #headers(): Record<string, string> {
    return { Authorization: `Bearer ${this.#token}`, ...(this.#id && { 'Mcp-Session-Id': this.#id }) }
  }
}
