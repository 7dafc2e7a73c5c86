import * as z from 'zod'
import { Stamp } from '../data-format.ts'

export const Sha256 = z.string().regex(/^[0-9a-f]{64}$/)
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
export const ObjectCopies = z.array(ObjectCopy)

const InstanceFile = z.strictObject({
  path: z.enum(['secret', 'bootstrap.json']),
  sha256: Sha256,
  bytes: z.int().min(0),
})

/** The description of one backup. It is written last: a backup exists when its manifest does. */
export const Manifest = z.strictObject({
  startedAt: z.iso.datetime(),
  endedAt: z.iso.datetime(),
  /** The version of PerSQL. */
  writtenBy: z.string(),
  dataFormat: Stamp,
  cells: z.int().min(1),
  objects: ObjectCopies,
  files: z.array(InstanceFile),
  /** The hash of a secret that only the environment has. */
  secret: z.strictObject({ salt: z.string(), hash: z.string() }).optional(),
  /** Databases and snapshots that were deleted during the backup: their namespaces and databases still list them. */
  deleted: z.array(z.strictObject({ namespace: z.string(), id: z.string() })),
  /** Objects whose files were damaged. They are missing in the backup. */
  damaged: z.array(z.strictObject({ name: z.string(), path: z.string(), problem: z.string() })),
})
export type Manifest = z.infer<typeof Manifest>

/** Thrown for a backup with missing or changed content. */
export class DamagedBackupError extends Error {
  override readonly name = 'DamagedBackupError'
}

/** Returns the name of the blob with this content. */
export const toBlobName = (sha256: string): string => `files/${sha256}`

/** Returns the ID of the backup that started at a time. Names of blobs can't have colons. */
export const toBackupId = (startedAt: string): string => startedAt.replaceAll(':', '-')
