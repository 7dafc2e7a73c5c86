import { createHash } from 'node:crypto'
import { text } from 'node:stream/consumers'
import * as z from 'zod'
import { Stamp } from '../data-format.ts'
import type { BackupStore } from './store.ts'

/** The layout of a manifest. Increase it with every change that older programs can't read. */
const layout = 1
const folder = 'backups/'

const Sha256 = z.string().regex(/^[0-9a-f]{64}$/)
const Totals = z.strictObject({
  requests: z.int(),
  rowsRead: z.int(),
  rowsWritten: z.int(),
  aiTokens: z.int(),
})

/** Facts of a database that its file contains. */
const DatabaseFacts = z.strictObject({
  /** Absent in the file of a database that never ran, and in a snapshot. */
  id: z.string().optional(),
  generation: z.int(),
  totals: Totals,
  snapshots: z.array(z.string().regex(/^[\w-]{1,100}$/)),
})
export type DatabaseFacts = z.infer<typeof DatabaseFacts>

/** The copy of one object's file, or of the runtime's list of alarms of a class. */
const ObjectCopy = z.strictObject({
  class: z.enum(['database', 'namespace', 'directory']),
  /** The name that the object's ID is derived from, or `metadata`. */
  name: z.string(),
  object: z.string(),
  cell: z.int().min(0),
  /** The path in the data folder. */
  path: z
    .string()
    .regex(/^(cells\/\d{1,4}\/)?objects\/(database|namespace|directory)\/([0-9a-f]{64}|metadata)\.sqlite$/),
  sha256: Sha256,
  bytes: z.int().min(0),
  /** The state of the copied file, so that the next backup doesn't read an unchanged one. */
  source: z.string().optional(),
  database: DatabaseFacts.optional(),
})
export type ObjectCopy = z.infer<typeof ObjectCopy>

const InstanceFile = z.strictObject({
  path: z.enum(['secret', 'bootstrap.json']),
  sha256: Sha256,
  bytes: z.int().min(0),
})

/** The description of one backup. It is written last: a backup exists when its manifest does. */
const Manifest = z.strictObject({
  layout: z.literal(layout),
  startedAt: z.iso.datetime(),
  endedAt: z.iso.datetime(),
  /** The version of PerSQL. */
  writtenBy: z.string(),
  dataFormat: Stamp,
  cells: z.int().min(1),
  objects: z.array(ObjectCopy),
  files: z.array(InstanceFile),
  /** The hash of a secret that only the environment has. */
  secret: z.strictObject({ salt: z.string(), hash: z.string() }).optional(),
  /** Databases and snapshots that were deleted during the backup: their namespaces and databases still list them. */
  deleted: z.array(z.strictObject({ namespace: z.string(), id: z.string() })),
  /** Objects whose files were damaged. They are missing in the backup. */
  damaged: z.array(z.strictObject({ name: z.string(), path: z.string(), problem: z.string() })),
})
export type Manifest = z.infer<typeof Manifest>

const Envelope = z.strictObject({ sha256: Sha256, manifest: z.unknown() })

/** Thrown for a backup with missing or changed content. */
export class DamagedBackupError extends Error {
  override readonly name = 'DamagedBackupError'
}

/** Returns the name of the blob with this content. */
export const toBlobName = (sha256: string): string => `files/${sha256}`

/** Returns the ID of the backup that started at a time. Names of blobs can't have colons. */
export const toBackupId = (startedAt: string): string => startedAt.replaceAll(':', '-')

/** Lists the IDs of all backups, oldest first. */
export async function listBackups(store: BackupStore): Promise<string[]> {
  const ids: string[] = []
  for await (const { name } of store.list(folder)) {
    if (name.endsWith('.json')) ids.push(name.slice(folder.length, -'.json'.length))
  }
  return ids.sort()
}

/** Stores a manifest, with which the backup is complete. */
export async function writeManifest(store: BackupStore, manifest: Manifest): Promise<void> {
  const envelope = { sha256: hash(manifest), manifest }
  await store.write(`${folder}${toBackupId(manifest.startedAt)}.json`, {
    text: `${JSON.stringify(envelope, null, 1)}\n`,
  })
}

/** Reads the manifest of a backup. @throws DamagedBackupError if it is missing, changed or from a newer version */
export async function readManifest(store: BackupStore, id: string): Promise<Manifest> {
  const stream = await store.read(`${folder}${id}.json`)
  if (stream === undefined) throw new DamagedBackupError(`The manifest of backup ${id} is missing.`)
  const { sha256, manifest } = parse(await text(stream), id)
  if (sha256 !== hash(manifest)) throw new DamagedBackupError(`The manifest of backup ${id} is damaged.`)
  const found = (manifest as { layout?: unknown } | null)?.layout
  if (typeof found === 'number' && found > layout) {
    throw new Error(`Backup ${id} was written by a newer version of PerSQL. Use that version to read it.`)
  }
  const result = Manifest.safeParse(manifest)
  if (!result.success) throw new DamagedBackupError(`The manifest of backup ${id} is damaged.`)
  return result.data
}

function parse(content: string, id: string): z.infer<typeof Envelope> {
  try {
    return Envelope.parse(JSON.parse(content))
  } catch (cause) {
    throw new DamagedBackupError(`The manifest of backup ${id} is damaged.`, { cause })
  }
}

const hash = (manifest: unknown): string => createHash('sha256').update(JSON.stringify(manifest)).digest('hex')
