import { PerSQLError } from '@persql/contract'
import { hashToCell } from './cell-hash.ts'
import { awaitContinued } from './continued.ts'
import type { Env } from './env.ts'

// On one machine, several processes can share the namespaces. Each of them is a cell.

/** The kinds of objects. Their names are those of the bindings. */
export type ObjectKind = 'DATABASES' | 'NAMESPACES' | 'DIRECTORY'

/** The calls that a cell serves for the others. */
export interface CellCalls {
  /** Returns true, because the cell runs. */
  isRunning(key: string): Promise<true>
  /** Calls a method of an object of this cell. `path` leads to the method through nested RPC targets. */
  call(key: string, kind: ObjectKind, name: string, path: readonly string[], args: readonly unknown[]): Promise<unknown>
}

/** The header of the key of cells, for requests that no call can carry. */
export const CELL_KEY_HEADER = 'X-PerSQL-Cell-Key'

/** The number of IDs of each kind that are kept. */
const MAX_IDS = 10_000
/** The cell of the Directory. */
const DIRECTORY_CELL = 0
/** A cell that ended is back within this time, unless it can't start. */
const RESTART_S = 1

/** Returns the cell of an object. */
function findCell(kind: ObjectKind, name: string, cells: number): number {
  if (kind === 'DIRECTORY') return DIRECTORY_CELL
  const end = name.indexOf('/')
  return hashToCell(end < 0 ? name : name.slice(0, end), cells)
}

/** Returns the cell that owns an object, or `undefined` if it is this process. */
function findForeignCell(env: Env, kind: ObjectKind, name: string): number | undefined {
  if (!env.PERSQL_CELLS) return undefined
  const cell = findCell(kind, name, Number(env.PERSQL_CELLS))
  return cell === Number(env.PERSQL_CELL) ? undefined : cell
}

/** Returns whether another cell owns an object. */
export const isForeign = (env: Env, kind: ObjectKind, name: string): boolean =>
  findForeignCell(env, kind, name) !== undefined

const openStub = (env: Env, kind: ObjectKind, name: string): DurableObjectStub =>
  env[kind].get(getObjectId(env, kind, name))

/** IDs of objects by kind and name: making an ID from a name hashes it, which takes 2% of a point read. */
const objectIds: Readonly<Record<ObjectKind, Map<string, DurableObjectId>>> = {
  DATABASES: new Map(),
  NAMESPACES: new Map(),
  DIRECTORY: new Map(),
}

function getObjectId(env: Env, kind: ObjectKind, name: string): DurableObjectId {
  const ids = objectIds[kind]
  const known = ids.get(name)
  if (known !== undefined) return known
  const id = env[kind].idFromName(name)
  if (ids.size >= MAX_IDS) ids.clear()
  ids.set(name, id)
  return id
}

/** Returns an object of this process. @throws Error if another cell owns it: its files are there */
export function getOwnObject(env: Env, kind: ObjectKind, name: string): DurableObjectStub {
  const cell = findForeignCell(env, kind, name)
  if (cell !== undefined) throw new Error(`Cell ${env.PERSQL_CELL} was asked for an object of cell ${cell}.`)
  if (kind === 'DATABASES') awaitContinued(name)
  return openStub(env, kind, name)
}

/**
 * Returns an object: its stub, or for an object of another cell what forwards calls to that cell. Calls of the latter
 * fail with `cell_unavailable` while the cell isn't running.
 */
export function getObject(env: Env, kind: ObjectKind, name: string): unknown {
  const cell = findForeignCell(env, kind, name)
  if (kind === 'DATABASES') awaitContinued(name)
  return cell === undefined ? openStub(env, kind, name) : forwarding(env, cell, { kind, name, path: [] })
}

/**
 * Sends a request to an object: the only way to open a WebSocket.
 * @throws PerSQLError `cell_unavailable`
 */
export async function fetchObject(env: Env, kind: ObjectKind, name: string, headers: HeadersInit): Promise<Response> {
  const cell = findForeignCell(env, kind, name)
  if (cell === undefined) return openStub(env, kind, name).fetch('https://object/', { headers })
  const sent = new Headers(headers)
  sent.set(CELL_KEY_HEADER, getCellKey(env))
  try {
    return await getCell(env, cell).fetch(`https://cell/${kind}/${encodeURIComponent(name)}`, { headers: sent })
  } catch (cause) {
    throw toCellError(cause)
  }
}

/** Returns the key that the cells of this instance share. */
export function getCellKey(env: Env): string {
  if (!env.PERSQL_CELL_KEY) throw new Error('PERSQL_CELL_KEY is missing.')
  return env.PERSQL_CELL_KEY
}

/** The other cells that have responded since this process started. */
const started = new Set<number>()

/** Returns the other cells that have not responded yet. One that responded can be restarting. */
export async function findStartingCells(env: Env, limitMs: number): Promise<number[]> {
  const others = [...Array(Number(env.PERSQL_CELLS ?? 1)).keys()].filter(
    (cell) => cell !== Number(env.PERSQL_CELL ?? 0),
  )
  const starting = others.map(async (cell) => {
    if (started.has(cell)) return []
    const answered = getCell(env, cell)
      .isRunning(getCellKey(env))
      .catch(() => false)
    if (!(await Promise.race([answered, scheduler.wait(limitMs).then(() => false)]))) return [cell]
    started.add(cell)
    return []
  })
  return (await Promise.all(starting)).flat()
}

interface Method {
  readonly kind: ObjectKind
  readonly name: string
  readonly path: readonly string[]
}

/** Returns a stand-in for a stub: each property leads deeper, and a call is forwarded. */
function forwarding(env: Env, cell: number, { kind, name, path }: Method): unknown {
  return new Proxy(() => {}, {
    // Functions return stubs from promises, so a stub must not look like a promise.
    get: (_, property) =>
      typeof property === 'symbol' || property === 'then'
        ? undefined
        : forwarding(env, cell, { kind, name, path: [...path, property] }),
    apply: async (_, __, args: readonly unknown[]) => {
      try {
        return await getCell(env, cell).call(getCellKey(env), kind, name, path, args)
      } catch (cause) {
        throw toCellError(cause)
      }
    },
  })
}

function getCell(env: Env, cell: number): CellCalls & Pick<Fetcher, 'fetch'> {
  const bound = (env as unknown as Record<string, (CellCalls & Fetcher) | undefined>)[`CELL_${cell}`]
  if (!bound) throw new Error(`The binding CELL_${cell} is missing.`)
  return bound
}

/**
 * Converts the runtime's error for a connection that failed or ended. The result of the call is unknown then: the cell
 * can have ended before or after it ran. An error with `remote` comes from the object itself.
 */
function toCellError(cause: unknown): unknown {
  const { message, remote } = Object(cause) as { message?: unknown; remote?: unknown }
  if (remote || message !== CONNECTION_LOST) return cause
  return new PerSQLError('cell_unavailable', { seconds: RESTART_S }, { cause })
}

const CONNECTION_LOST = 'Network connection lost.'
