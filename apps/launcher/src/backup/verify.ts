import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, sep } from 'node:path'
import { type Check, findDamage } from '../check-files.ts'
import { type FileUse, type Kind, objectFile, readFile } from '../object-files.ts'
import { isListed } from './live-records.ts'
import { DamagedBackupError, type Manifest } from './manifest.ts'
import {
  findMismatch,
  type KnownDatabase,
  readDatabaseFacts,
  readDirectory,
  readNamespaceFacts,
} from './object-facts.ts'
import { fetchBlob, readBlob } from './restore.ts'
import { readRestore } from './restore-marker.ts'
import type { BackupStore } from './store.ts'

/** The result for one object or file. */
export interface Verified {
  /** `namespace/database`, `namespace/database@snapshot`, the name of a namespace, `directory`, or a path. */
  readonly name: string
  /** The damage; `undefined` if it is whole. */
  readonly problem: string | undefined
}

/** The files of an instance's objects: in a data folder, or in a backup. */
interface ObjectSource {
  readonly use: FileUse
  /** Calls `use` with the file of an object, or with `undefined` if it is missing. */
  with<T>(kind: Kind, name: string, use: (file: string | undefined) => T): Promise<T>
  /** Returns whether a database or a snapshot was deleted after its namespace or database was read. */
  isDeleted(owner: string, id: string): boolean
}

/** Verifies a data folder, also while its instance runs unless its files are `unused`. */
export async function* verifyData(data: string, check: Check, use: FileUse): AsyncGenerator<Verified> {
  // The first start after a restore deletes these.
  const deleted = new Set(readRestore(data)?.deleted.map(({ id }) => id))
  const source: ObjectSource = {
    use,
    with: async (kind, name, read) => {
      const file = objectFile(data, kind, name)
      return read(existsSync(file) ? file : undefined)
    },
    isDeleted: (owner, id) => deleted.has(id) || (use === 'shared' && !isListed(data, owner, id, use)),
  }
  yield* verifyObjects(source, check)
}

/** Verifies a backup: its blobs, and the files in it as if they were restored. */
export async function* verifyBackup(store: BackupStore, manifest: Manifest, check: Check): AsyncGenerator<Verified> {
  const folder = await mkdtemp(join(tmpdir(), 'persql-verify-'))
  const unread = new Map(manifest.objects.map((copy) => [copy.path, copy]))
  const deleted = new Set(manifest.deleted.map(({ id }) => id))
  try {
    const fetched = async <T>(path: string, use: (file: string | undefined) => T): Promise<T> => {
      const copy = unread.get(path)
      unread.delete(path)
      if (copy === undefined) return use(undefined)
      const file = join(folder, 'object.sqlite')
      try {
        await fetchBlob(store, copy.sha256, file, copy.name)
        return use(file)
      } finally {
        await rm(file, { force: true })
      }
    }
    const { cells } = manifest
    const source: ObjectSource = {
      use: 'unused',
      with: (kind, name, use) => fetched(objectFile('.', kind, name, cells).split(sep).join('/'), use),
      isDeleted: (_, id) => deleted.has(id),
    }
    yield* verifyObjects(source, check)
    // The runtime's lists of alarms, and databases in the middle of their deletion.
    for (const { path, name } of [...unread.values()]) {
      yield await verified(name === 'metadata' ? path : name, () =>
        fetched(path, (file) => findDamage(file ?? path, 'unused', check)),
      )
    }
    for (const { path, sha256 } of manifest.files) {
      yield await verified(path, async () => {
        await readBlob(store, sha256, path)
        return undefined
      })
    }
    for (const { name, problem } of manifest.damaged) yield { name, problem: `damaged when it was copied: ${problem}` }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function* verifyObjects(source: ObjectSource, check: Check): AsyncGenerator<Verified> {
  const directory = await examine(source, check, 'directory', 'directory', readDirectory)
  yield toResult('directory', directory)
  for (const { slug, isDeleted } of directory.facts ?? []) {
    const namespace = await examine(source, check, 'namespace', slug, readNamespaceFacts)
    // A namespace without data can have been deleted before it had a file.
    if (namespace.isMissing && isDeleted) continue
    yield toResult(slug, namespace, ({ driftNano }) => formatDrift(driftNano))
    for (const database of namespace.facts?.databases ?? []) yield* verifyDatabase(source, check, slug, database)
  }
}

async function* verifyDatabase(
  source: ObjectSource,
  check: Check,
  namespace: string,
  known: KnownDatabase,
): AsyncGenerator<Verified> {
  if (known.status === 'deleting') return
  const name = `${namespace}/${known.slug}`
  const { problem: damage, facts, isMissing } = await examine(source, check, 'database', name, readDatabaseFacts)
  if (isMissing && findMismatch(known, undefined) === undefined) return
  const problem = damage ?? findMismatch(known, facts) ?? (facts && findLostUsage(known, facts.totals))
  if (problem !== undefined && source.isDeleted(namespace, known.id)) return
  yield { name, problem }
  for (const id of facts?.snapshots ?? []) {
    const snapshot = await examine(source, check, 'database', `${name}@${id}`, readDatabaseFacts)
    if (!snapshot.isMissing || !source.isDeleted(name, id)) yield toResult(`${name}@${id}`, snapshot)
  }
}

/** The result for one object. */
interface Examined<T> {
  readonly isMissing: boolean
  readonly problem?: string | undefined
  readonly facts?: T
}

async function examine<T>(
  source: ObjectSource,
  check: Check,
  kind: Kind,
  name: string,
  read: Parameters<typeof readFile<T>>[1],
): Promise<Examined<T>> {
  try {
    return await source.with(kind, name, (file) => {
      if (file === undefined) return { isMissing: true, problem: 'missing' }
      const problem = findDamage(file, source.use, check)
      return problem === undefined
        ? { isMissing: false, facts: readFile(file, read, source.use) }
        : { isMissing: false, problem }
    })
  } catch (cause) {
    if (!(cause instanceof DamagedBackupError)) throw cause
    return { isMissing: false, problem: cause.message }
  }
}

async function verified(name: string, find: () => Promise<string | undefined>): Promise<Verified> {
  try {
    return { name, problem: await find() }
  } catch (cause) {
    if (!(cause instanceof DamagedBackupError)) throw cause
    return { name, problem: cause.message }
  }
}

const toResult = <T>(
  name: string,
  { problem, facts }: Examined<T>,
  find?: (facts: T) => string | undefined,
): Verified => ({ name, problem: problem ?? (facts && find?.(facts)) })

const formatDrift = (nano: number): string | undefined =>
  nano === 0 ? undefined : `the balance differs from the ledger by ${nano} nano-dollars`

/** The file was copied after the record of its namespace, so its counters can't be lower. */
function findLostUsage({ seen }: KnownDatabase, totals: KnownDatabase['seen']): string | undefined {
  const lower = (Object.keys(seen) as (keyof typeof seen)[]).find((meter) => totals[meter] < seen[meter])
  return lower && `the counter ${lower} is ${totals[lower]}, but the namespace billed ${seen[lower]}`
}
