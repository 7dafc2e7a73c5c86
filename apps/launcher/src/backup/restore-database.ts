import { join } from 'node:path'
import { isSlug } from '../../../../packages/contract/src/values.ts'
import { findDamage } from '../check-files.ts'
import { assertReadable } from '../data-format.ts'
import { measureDisk } from '../disk-space.ts'
import { callInstance, type RunningInstance, sendFile } from '../running-instance.ts'
import { DamagedBackupError, type Manifest, type ObjectCopy, toBackupId } from './manifest.ts'
import { fetchBlob } from './restore.ts'
import type { BackupStore } from './store.ts'
import { withTemporaryFolder } from './temporary-folder.ts'
import { keepTenantContent } from './tenant-content.ts'
import { UsageError } from './usage-error.ts'

const tokenName = 'operator restore'
const maxNames = 10
const namespacesPath = '/api/operator/namespaces'

export interface DatabaseRestore {
  /** The data folder of the running instance, for a temporary copy. */
  readonly data: string
  readonly store: BackupStore
  readonly manifest: Manifest
  /** The database in the backup, as `namespace/database`. */
  readonly from: string
  /** The database to create. */
  readonly to: string
  /** The instance to create it in, with the operator secret. */
  readonly instance: RunningInstance
  /** Ends the restore, which deletes the new database. */
  readonly signal: AbortSignal
}

/** The content of a restored database, and the price of its import. */
export interface RestoredDatabase {
  readonly rows: number
  readonly tables: number
  readonly costUsd: number
}

type SentFile = Parameters<typeof sendFile>[2]

interface Address {
  readonly namespace: string
  readonly slug: string
}

/**
 * Creates a database in the running instance with the rows and the schema of one in a backup. If that fails, the new
 * database is deleted.
 * @throws UsageError if nothing was changed; DamagedBackupError
 */
export async function restoreDatabase(options: DatabaseRestore): Promise<RestoredDatabase> {
  const { data, store, manifest, from, instance, signal } = options
  await assertReadable(`Backup ${toBackupId(manifest.startedAt)}`, manifest.dataFormat)
  const to = parseAddress(options.to, '--as')
  const copy = findCopy(manifest, from)
  await assertActive(instance, to.namespace)
  await assertRoom(data, copy)
  return withTemporaryFolder(data, 'restore', async (folder) => {
    const file = join(folder, 'database.sqlite')
    await fetchBlob(store, copy.sha256, file, from)
    const problem = findDamage(file, 'unused', 'quick_check')
    if (problem !== undefined) throw new DamagedBackupError(`The copy of ${from} is damaged: ${problem}`)
    const { bytes, isEmpty } = await keepTenantContent(file)
    if (signal.aborted) throw new UsageError('The restore was interrupted. Nothing was changed.')
    const content = isEmpty ? undefined : { path: file, bytes, type: 'application/vnd.sqlite3' }
    return importFile(content, to, options)
  })
}

/** @throws UsageError */
function parseAddress(address: string, option: string): Address {
  const [namespace = '', slug = '', ...rest] = address.split('/')
  if (rest.length === 0 && isSlug(namespace) && isSlug(slug)) return { namespace, slug }
  throw new UsageError(`Invalid ${option} "${address}". Expected "namespace/database".`)
}

/** Finds the copy of a database. @throws UsageError, or DamagedBackupError if it was damaged when it was copied */
function findCopy({ objects, damaged, startedAt }: Manifest, address: string): ObjectCopy {
  const { namespace, slug } = parseAddress(address, '--database')
  const found = objects.find((copy) => copy.class === 'database' && copy.name === address)
  if (found !== undefined) return found
  const id = toBackupId(startedAt)
  const problem = damaged.find(({ name }) => name === address)?.problem
  if (problem !== undefined)
    throw new DamagedBackupError(`${address} was damaged when backup ${id} copied it: ${problem}`)
  const known = objects.filter((copy) => copy.class === 'database').map(({ name }) => name)
  // The others are snapshots and the runtime's own.
  const databases = known.filter((name) => name.split('/').length === 2 && name.split('/').every(isSlug)).sort()
  const isNear = (name: string) => name.startsWith(`${namespace}/`) || name.endsWith(`/${slug}`)
  const listed = [...databases.filter(isNear), ...databases.filter((name) => !isNear(name))].slice(0, maxNames)
  const others = databases.length > listed.length ? `, and ${databases.length - listed.length} more` : ''
  const has = listed.length === 0 ? 'It has no databases.' : `It has: ${listed.join(', ')}${others}`
  throw new UsageError(`Database "${address}" not found in backup ${id}. ${has}`)
}

/** @throws UsageError if the instance doesn't run, has no such namespace or doesn't serve it */
async function assertActive(instance: RunningInstance, namespace: string): Promise<void> {
  const standings = (await callInstance(instance, 'GET', namespacesPath).catch(refuse)) as {
    slug: string
    status: string
  }[]
  const status = standings.find(({ slug }) => slug === namespace)?.status
  if (status === undefined)
    throw new UsageError(`Namespace "${namespace}" not found in ${instance.url}. Create it first.`)
  if (status !== 'active') throw new UsageError(`Namespace "${namespace}" is ${status}.`)
}

/** @throws UsageError if the temporary copy has no room */
async function assertRoom(data: string, { bytes }: ObjectCopy): Promise<void> {
  // The log of a change to the copy can be as large.
  const needed = 2 * bytes
  const { freeBytes } = await measureDisk(data, undefined).catch((cause: Error) => {
    throw new UsageError(`Can't use ${data}: ${cause.message}. Set PERSQL_DATA to the data folder of the instance.`, {
      cause,
    })
  })
  if (freeBytes >= needed) return
  const [need, free] = [needed, freeBytes].map((size) => `${(size / 1e6).toFixed(1)} MB`)
  throw new UsageError(`${data} needs ${need} of free space for a temporary copy, but has ${free}.`)
}

/** Creates the database with a token of this restore, imports the file if there is content, and revokes the token. */
async function importFile(
  file: SentFile | undefined,
  to: Address,
  { instance, signal }: DatabaseRestore,
): Promise<RestoredDatabase> {
  const { namespace, slug } = to
  const wanted = { slug: namespace, database: slug, tokenName }
  const made = (await callInstance(instance, 'POST', namespacesPath, wanted, 1).catch(refuse)) as {
    database: { created: boolean }
    token: { id: string; token: string }
  }
  const owner = { ...instance, credential: made.token.token }
  const result = made.database.created
    ? await fill(owner, file, to, signal).catch((cause: Error) => cause)
    : new UsageError(`Database "${namespace}/${slug}" already exists (409). Choose another name for --as.`)
  await callInstance(owner, 'DELETE', `/v1/tokens/${made.token.id}`).catch((cause: Error) => {
    const reason = result instanceof Error ? result.message : `${namespace}/${slug} was restored.`
    throw new Error(`${reason}\nToken "${tokenName}" of ${namespace} is still valid. Revoke it. ${cause.message}`, {
      cause,
    })
  })
  if (result instanceof Error) throw result
  return result
}

/** Imports the file into the new database, or deletes it. @throws UsageError; Error if it couldn't be deleted */
async function fill(
  owner: RunningInstance,
  file: SentFile | undefined,
  { namespace, slug }: Address,
  signal: AbortSignal,
): Promise<RestoredDatabase> {
  if (file === undefined) return { rows: 0, tables: 0, costUsd: 0 }
  try {
    const { data, meta } = (await sendFile(
      owner,
      `/v1/db/${namespace}/${slug}/import?format=sqlite`,
      file,
      signal,
    )) as {
      data: { rows: number; tables: string[] }
      meta: { costUsd: number }
    }
    return { rows: data.rows, tables: data.tables.length, costUsd: meta.costUsd }
  } catch (cause) {
    const reason = signal.aborted ? 'The restore was interrupted.' : (cause as Error).message
    const problem = `${namespace}/${slug} was not restored: ${reason}`
    await callInstance(owner, 'DELETE', `/v1/databases/${slug}`).catch((failure: Error) => {
      throw new Error(`${problem}\n${namespace}/${slug} is incomplete. Delete it. ${failure.message}`, { cause })
    })
    throw new UsageError(problem, { cause })
  }
}

/** @throws UsageError always: the call failed before anything was changed */
function refuse(cause: Error): never {
  throw new UsageError(cause.message, { cause })
}
