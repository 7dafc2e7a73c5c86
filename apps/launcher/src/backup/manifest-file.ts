import { createHash } from 'node:crypto'
import { buffer } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { gunzip, gzip } from 'node:zlib'
import * as z from 'zod'
import { DamagedBackupError, Manifest, ObjectCopies, type ObjectCopy, Sha256, toBackupId } from './manifest.ts'
import { findChanges, keepUnchanged, ObjectChanges } from './object-list.ts'
import { readBlob } from './restore.ts'
import type { BackupStore, BlobContent } from './store.ts'

/*
 * Layout 1 has all objects in the manifest, as JSON. An instance with many objects would write megabytes with each backup, so
 * the manifest of layout 2 has only the objects that differ from a list, which is a blob of its own. It is compressed,
 * so programs that don't know the list can't read it and delete no file that only the list names.
 */
const folder = 'backups/'
const suffixes = ['.json.gz', '.json'] as const
export const newestLayout = 2
/** The objects from which a manifest has a list of its own. */
const minShared = 500
/** The share of objects that can differ from the list before there is a new one. */
const maxChanged = 0.25

const Stored = z.discriminatedUnion('layout', [
  Manifest.extend({ layout: z.literal(1) }),
  Manifest.extend({ layout: z.literal(2), objects: ObjectChanges }),
])
type Stored = z.infer<typeof Stored>
const Envelope = z.strictObject({ sha256: Sha256, manifest: z.unknown() })

/** A list of objects in a blob. */
export interface ObjectList {
  readonly sha256: string
  readonly objects: readonly ObjectCopy[]
}

/** A manifest with the list that its objects are stored as differences from. */
export interface FoundManifest {
  readonly manifest: Manifest
  readonly list: ObjectList | undefined
}

/** Stores a blob, unless the target has it. */
type KeepBlob = (sha256: string, content: BlobContent, bytes: number) => Promise<void>

/** Lists the IDs of all backups, oldest first. */
export async function listBackups(store: BackupStore): Promise<string[]> {
  const ids: string[] = []
  for await (const { name } of store.list(folder)) {
    const suffix = suffixes.find((each) => name.endsWith(each))
    if (suffix) ids.push(name.slice(folder.length, -suffix.length))
  }
  return ids.sort()
}

/**
 * Stores the list that the objects of a backup need, if they need one: the list of the previous backup, or a new one. Call it
 * before `writeManifest`, while the lease is held.
 */
export async function storeObjects(
  objects: readonly ObjectCopy[],
  previous: ObjectList | undefined,
  keep: KeepBlob,
): Promise<ObjectList | undefined> {
  if (objects.length < minShared) return undefined
  if (previous !== undefined) {
    const { changed, removed } = findChanges(previous.objects, objects)
    if (changed.length + removed.length <= objects.length * maxChanged) return previous
  }
  const bytes = await promisify(gzip)(JSON.stringify(objects))
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  await keep(sha256, { bytes }, bytes.length)
  return { sha256, objects }
}

/** Stores a manifest, with which the backup is complete. */
export async function writeManifest(store: BackupStore, { manifest, list }: FoundManifest): Promise<void> {
  const stored: Stored =
    list === undefined
      ? { layout: 1, ...manifest }
      : { layout: 2, ...manifest, objects: { base: list.sha256, ...findChanges(list.objects, manifest.objects) } }
  const envelope = { sha256: hash(stored), manifest: stored }
  const name = `${folder}${toBackupId(manifest.startedAt)}`
  if (list === undefined) await store.write(`${name}.json`, { text: `${JSON.stringify(envelope, null, 1)}\n` })
  else await store.write(`${name}.json.gz`, { bytes: await promisify(gzip)(JSON.stringify(envelope)) })
}

/** Reads the manifest of a backup. @throws DamagedBackupError if it is missing, changed or from a newer version */
export async function readManifest(store: BackupStore, id: string): Promise<Manifest> {
  return (await findManifest(store, id)).manifest
}

/** Like `readManifest`, with the list of objects. */
export async function findManifest(store: BackupStore, id: string): Promise<FoundManifest> {
  const envelope = Envelope.safeParse(await readEnvelope(store, id))
  if (!envelope.success) throw damaged(id, envelope.error)
  const { sha256, manifest } = envelope.data
  if (sha256 !== hash(manifest)) throw damaged(id)
  const found = (manifest as { layout?: unknown } | null)?.layout
  if (typeof found === 'number' && found > newestLayout) {
    throw new Error(`Backup ${id} was written by a newer version of PerSQL. Use that version to read it.`)
  }
  const { success, data: stored } = Stored.safeParse(manifest)
  if (!success) throw damaged(id)
  if (stored.layout === 1) {
    const { layout: _, ...rest } = stored
    return { manifest: rest, list: undefined }
  }
  const { layout: _, objects: changes, ...rest } = stored
  const list = { sha256: changes.base, objects: await readList(store, changes.base, id) }
  return { manifest: { ...rest, objects: [...keepUnchanged(list.objects, changes), ...changes.changed] }, list }
}

/** Reads the newest backup, whose copies of unchanged objects are used again. A damaged one doesn't prevent a new backup. */
export async function findNewest(store: BackupStore): Promise<FoundManifest | undefined> {
  const newest = (await listBackups(store)).at(-1)
  return newest === undefined ? undefined : findManifest(store, newest).catch(() => undefined)
}

/** Reads and decompresses a manifest. */
async function readEnvelope(store: BackupStore, id: string): Promise<unknown> {
  for (const suffix of suffixes) {
    const stream = await store.read(`${folder}${id}${suffix}`)
    if (stream === undefined) continue
    const content = await buffer(stream)
    try {
      return JSON.parse(String(suffix === '.json' ? content : await promisify(gunzip)(content)))
    } catch (cause) {
      throw damaged(id, cause)
    }
  }
  throw new DamagedBackupError(`The manifest of backup ${id} is missing.`)
}

async function readList(store: BackupStore, sha256: string, id: string): Promise<ObjectCopy[]> {
  const content = await readBlob(store, sha256, `the list of objects of backup ${id}`)
  const { success, data } = ObjectCopies.safeParse(JSON.parse(String(await promisify(gunzip)(content))))
  if (!success) throw damaged(id)
  return data
}

const damaged = (id: string, cause?: unknown): DamagedBackupError =>
  new DamagedBackupError(`The manifest of backup ${id} is damaged.`, { cause })

const hash = (manifest: unknown): string => createHash('sha256').update(JSON.stringify(manifest)).digest('hex')
