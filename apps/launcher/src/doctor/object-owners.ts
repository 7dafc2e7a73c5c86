import { existsSync } from 'node:fs'
import type Sqlite from 'libsql'
import { readDirectory, readNamespaceFacts } from '../backup/object-facts.ts'
import { type FileUse, type Kind, objectFile, readFile, readKeys } from '../object-files.ts'

/** An object that the records of an instance name, with the path of its file, which can be missing. */
export interface KnownObject {
  readonly file: string
  readonly kind: Kind
  /** The name from which the path is derived. */
  readonly name: string
  /** The database that a branch belongs to, as `namespace/database`, and its ref. */
  readonly branch?: { readonly of: string; readonly ref: string }
  /** Whether a snapshot is being created or deleted. */
  readonly isPending?: boolean
}

/**
 * Lists the objects in the records of an instance. The records of a file that can't be read are skipped, and its name is
 * added to `unread`.
 */
export function* listKnownObjects(data: string, use: FileUse, unread: string[] = []): Generator<KnownObject> {
  const toKnown = (kind: Kind, name: string): KnownObject => ({ file: objectFile(data, kind, name), kind, name })
  const read = <T>({ file, name }: KnownObject, facts: Parameters<typeof readFile<T>>[1]): T | undefined => {
    if (!existsSync(file)) return undefined
    try {
      return readFile(file, facts, use)
    } catch {
      unread.push(name)
      return undefined
    }
  }
  const directory = toKnown('directory', 'directory')
  yield directory
  for (const { slug } of read(directory, readDirectory) ?? []) {
    const namespace = toKnown('namespace', slug)
    yield namespace
    const branches = new Map(read(namespace, readBranches)?.map((branch) => [branch.id, branch]))
    for (const database of read(namespace, readNamespaceFacts)?.databases ?? []) {
      const branch = branches.get(database.id)
      const own = {
        ...toKnown('database', `${slug}/${database.slug}`),
        ...(branch && { branch: { of: `${slug}/${branch.parent}`, ref: branch.ref } }),
      }
      yield own
      for (const { id, isPending } of read(own, readSnapshots) ?? []) {
        yield { ...toKnown('database', `${own.name}@${id}`), isPending }
      }
    }
  }
}

/** Reads the snapshots of a database, also those that are being created or deleted. */
function readSnapshots(sqlite: Sqlite.Database): { id: string; isPending: boolean }[] {
  const read = (prefix: string, isPending: boolean) =>
    readKeys(sqlite, prefix).map((key) => ({ id: key.slice(prefix.length), isPending }))
  return [...read('snapshot/', false), ...read('snapshot-pending/', true)]
}

interface Branch {
  readonly id: string
  readonly parent: string
  readonly ref: string
}

/** Reads the branches of a namespace. Data of old formats has none. */
function readBranches(sqlite: Sqlite.Database): Branch[] {
  if (!sqlite.prepare("SELECT 1 FROM sqlite_master WHERE name = 'lineage'").get()) return []
  const columns = 'database_id AS id, parent_slug AS parent, ref'
  return sqlite.prepare(`SELECT ${columns} FROM lineage WHERE ref IS NOT NULL`).all() as Branch[]
}
