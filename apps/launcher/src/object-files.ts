import { createHash, createHmac } from 'node:crypto'
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { deserialize } from 'node:v8'
import Sqlite from 'libsql'
import { hashToCell } from '../../platform/src/cell-hash.ts'
import { readCells } from './data-format.ts'
import { findHolder } from './folder-hold.ts'
import { objectsFolder } from './workerd-process.ts'

/** The classes of objects, which are the names of their folders. */
export const kinds = ['database', 'namespace', 'directory'] as const
export type Kind = (typeof kinds)[number]

/** A database in the records of its namespace. */
export interface DatabaseRecord {
  id: string
  slug: string
  status: 'healthy' | 'deleting'
  /** The lowest generation that its file must have. */
  generation: number
  /** The requests that it reported so far. */
  requests: number
}

/** Returns whether a database has a file, as far as its namespace knows: the record doesn't know it before the first call. */
export const isInitialized = ({ generation, requests }: Pick<DatabaseRecord, 'generation' | 'requests'>): boolean =>
  generation > 0 || (generation === 0 && requests > 0)

/** Returns the path of an object's file. The runtime derives the ID of an object from its name in this way. */
export function objectFile(data: string, kind: Kind, name: string, cells = readCells(data)): string {
  const key = createHash('sha256').update(kind).digest()
  const sign = (content: string | Buffer) => createHmac('sha256', key).update(content).digest().subarray(0, 16)
  const base = sign(name)
  const [namespace = ''] = name.split('/')
  const cell = kind === 'directory' ? 0 : hashToCell(namespace, cells)
  return join(objectsFolder(data, cell), kind, `${Buffer.concat([base, sign(base)]).toString('hex')}.sqlite`)
}

/** Returns the path of a database's file, which can be missing. @throws Error if the instance has no such database */
export function locateDatabase(data: string, address: string, use: FileUse): string {
  const [namespace = '', slug = '', ...rest] = address.split('/')
  if (!slug || rest.length > 0) throw new Error(`Invalid database address "${address}". Expected "namespace/database".`)
  const known = listDatabases(data, namespace, use).some((database) => database.slug === slug)
  if (!known) throw new Error(`Database "${address}" not found in ${data}.`)
  return objectFile(data, 'database', address)
}

/** Lists the namespaces of the instance. @throws Error if the file can't be read */
export function listNamespaces(data: string, use: FileUse): string[] {
  const file = objectFile(data, 'directory', 'directory')
  if (!existsSync(file)) throw new Error(`${data} has no namespaces. Set PERSQL_DATA to the data folder.`)
  const slugs = 'SELECT slug FROM namespace ORDER BY slug'
  return readFile(file, (sqlite) => (sqlite.prepare(slugs).all() as { slug: string }[]).map(({ slug }) => slug), use)
}

/** Lists the databases of a namespace. @throws Error if the file is missing or can't be read */
export function listDatabases(data: string, namespace: string, use: FileUse): DatabaseRecord[] {
  const file = objectFile(data, 'namespace', namespace)
  if (!existsSync(file)) throw new Error(`Namespace "${namespace}" not found in ${data}.`)
  const columns = 'id, slug, status, generation, requests'
  return readFile(
    file,
    (sqlite) => sqlite.prepare(`SELECT ${columns} FROM database ORDER BY slug`).all() as DatabaseRecord[],
    use,
  )
}

/** Whether another process can open the files of objects during a read: `unused` only if PerSQL is stopped. */
export type FileUse = 'shared' | 'unused'

/** Returns how the files of a data folder can be read now. An instance can start at any time. */
export const findUse = async (data: string): Promise<FileUse> =>
  existsSync(data) && (await findHolder(data)) !== undefined ? 'shared' : 'unused'

/**
 * Calls `read`, which reads files of a data folder, with their use.
 * @throws Error if an instance started in the meantime, because what `read` found can be wrong
 */
export async function withUse<T>(data: string, read: (use: FileUse) => T | Promise<T>): Promise<T> {
  const use = await findUse(data)
  const result = await read(use)
  if (use === (await findUse(data)) || use === 'shared') return result
  throw new Error(`PerSQL started on ${data} while its files were read. Run the command again.`)
}

/**
 * Reads the file of an object. SQLite creates a log beside a `shared` file, with the user of this process as its owner.
 * Beside an `unused` one, it creates none.
 */
export function readFile<T>(file: string, read: (sqlite: Sqlite.Database) => T, use: FileUse): T {
  const isImmutable = use === 'unused' && existsSync(file) && !hasLog(file)
  const path = isImmutable ? `${pathToFileURL(file).href}?immutable=1` : file
  const sqlite = new Sqlite(path, { readonly: true, timeout: 5_000 })
  try {
    return read(sqlite)
  } finally {
    sqlite.close()
  }
}

/** Returns whether a killed instance left writes in the log of a file. */
const hasLog = (file: string): boolean => (statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0) > 0

/** Reads a value that the platform stored beside the tables. */
export function readValue(sqlite: Sqlite.Database, key: string): unknown {
  if (!sqlite.prepare("SELECT 1 FROM sqlite_master WHERE name = '_cf_KV'").get()) return undefined
  const row = sqlite.prepare('SELECT value FROM _cf_KV WHERE key = ?').get(key) as { value: Buffer } | undefined
  return row && deserialize(row.value)
}

/** The identity of a database, as its object stores it. */
export interface StoredIdentity {
  readonly id: string
  readonly namespace: string
  readonly slug: string
}

/** Returns the identity of the database in a file; `undefined` if the file has none or can't be read. */
export function readIdentity(file: string, use: FileUse): StoredIdentity | undefined {
  try {
    return readFile(file, (sqlite) => readValue(sqlite, 'identity') as StoredIdentity | undefined, use)
  } catch {
    return undefined
  }
}

/** Lists the keys of values that the platform stored beside the tables. */
export function readKeys(sqlite: Sqlite.Database, prefix: string): string[] {
  if (!sqlite.prepare("SELECT 1 FROM sqlite_master WHERE name = '_cf_KV'").get()) return []
  const rows = sqlite.prepare('SELECT key FROM _cf_KV WHERE substr(key, 1, ?) = ?').all(prefix.length, prefix)
  return (rows as { key: string }[]).map(({ key }) => key)
}
