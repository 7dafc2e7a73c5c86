import { WorkerEntrypoint } from 'cloudflare:workers'
import { CELL_KEY_HEADER, type CellCalls, getCellKey, getOwnObject, isForeign, type ObjectKind } from './cells.ts'
import type { CallArguments } from './continued.ts'
import { callOwnDatabase } from './database-calls.ts'
import type { Env } from './env.ts'
import { findSqliteFailure } from './storage/sqlite-failures.ts'

type Callable = Record<string, unknown> & ((...args: readonly unknown[]) => Promise<unknown>)

const KINDS: ReadonlySet<string> = new Set<ObjectKind>(['DATABASES', 'NAMESPACES', 'DIRECTORY'])

/**
 * Serves the objects of this cell to the other cells of the machine, through a socket in the data folder. Without the
 * key of the cells, it serves nothing.
 */
export class Cell extends WorkerEntrypoint<Env> implements CellCalls {
  async isRunning(key: string): Promise<true> {
    this.#check(key)
    return true
  }

  async call(
    key: string,
    kind: ObjectKind,
    name: string,
    path: readonly string[],
    args: readonly unknown[],
  ): Promise<unknown> {
    this.#check(key)
    if (kind === 'DATABASES' && path.length === 1 && path[0] === 'call' && !isForeign(this.env, kind, name)) {
      return this.#callDatabase(name, args as unknown as CallArguments)
    }
    const object = this.#open(kind, name)
    // Each step of a stub is a stub for the nested target; the call goes to the object in one message.
    const method = path.reduce((target, step) => target[step] as Callable, object as unknown as Callable)
    try {
      return await method(...args)
    } catch (failure) {
      // Only this process knows the log of its runtime.
      throw await findSqliteFailure(failure)
    }
  }

  async #callDatabase(name: string, call: CallArguments): Promise<unknown> {
    try {
      return await callOwnDatabase(this.env, name, call)
    } catch (failure) {
      throw await findSqliteFailure(failure)
    }
  }

  /** Opens a WebSocket of an object. */
  override async fetch(request: Request): Promise<Response> {
    const key = request.headers.get(CELL_KEY_HEADER)
    if (!isEqual(key, getCellKey(this.env))) return new Response(null, { status: 403 })
    const [, kind = '', name = ''] = new URL(request.url).pathname.split('/')
    const object = this.#open(kind, decodeURIComponent(name))
    const headers = new Headers(request.headers)
    headers.delete(CELL_KEY_HEADER)
    return object.fetch('https://object/', { headers })
  }

  #check(key: unknown): void {
    if (!isEqual(key, getCellKey(this.env))) throw new Error('The key of the cells is missing or wrong.')
  }

  #open(kind: string, name: string): DurableObjectStub {
    if (!KINDS.has(kind)) throw new Error(`Unknown kind of object: "${kind}".`)
    return getOwnObject(this.env, kind as ObjectKind, name)
  }
}

/** Compares in constant time. */
function isEqual(given: unknown, expected: string): boolean {
  if (typeof given !== 'string') return false
  const [a, b] = [given, expected].map((text) => new TextEncoder().encode(text)) as [Uint8Array, Uint8Array]
  return a.length === b.length && crypto.subtle.timingSafeEqual(a, b)
}
