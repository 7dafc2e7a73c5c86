import { existsSync, readdirSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { UsageError } from '../backup/usage-error.ts'
import { readCells } from '../data-format.ts'
import { type FileUse, type Kind, readFile, readIdentity } from '../object-files.ts'
import { objectsFolder } from '../workerd-process.ts'
import { type KnownObject, listKnownObjects } from './object-owners.ts'

const kinds: readonly Kind[] = ['directory', 'namespace', 'database']
const fileName = /^([0-9a-f]{64}|metadata)\.sqlite(-wal|-shm|-journal)?$/

/** The object that a file of `objects/` belongs to. */
export interface Identified {
  readonly text: string
  /** Whether the records of the instance name it. */
  readonly isKnown: boolean
}

/** Describes an object of the records. */
export function describeObject({ kind, name, branch, isPending }: KnownObject): string {
  if (kind === 'directory') return 'the Directory, which lists accounts and namespaces'
  if (kind === 'namespace') return `namespace ${name}`
  const [owner, snapshot] = name.split('@')
  if (snapshot !== undefined)
    return `snapshot ${snapshot} of database ${owner}${isPending ? ', which is being created or deleted' : ''}`
  return branch === undefined ? `database ${name}` : `branch "${branch.ref}" of ${branch.of}, which is database ${name}`
}

/** Describes a file that no record names, by its own content. */
export function describeStray(file: string, use: FileUse): string {
  const identity = readIdentity(file, use)
  if (identity !== undefined)
    return `its content names database ${identity.namespace}/${identity.slug} (${identity.id})`
  try {
    const count = "SELECT count(*) AS n FROM sqlite_master WHERE type = 'table'"
    const tables = readFile(file, (sqlite) => (sqlite.prepare(count).get() as { n: number }).n, use)
    return tables === 0 ? 'it has no data' : 'it has data but no name, like a snapshot or an unfinished copy'
  } catch (cause) {
    return `it can't be read: ${(cause as Error).message}`
  }
}

/** Returns what a file of `objects/` is. @throws UsageError if the folder has no such file */
export function identifyFile(data: string, given: string, use: FileUse): Identified {
  const file = findFile(data, given)
  if (basename(file).startsWith('metadata')) {
    return { text: `${given}: the runtime's list of the alarms of each ${basename(dirname(file))}`, isKnown: true }
  }
  for (const known of listKnownObjects(data, use)) {
    if (known.file === file) return { text: `${given}: ${describeObject(known)}`, isKnown: true }
  }
  return { text: `${given}: not in the records of ${data}; ${describeStray(file, use)}`, isKnown: false }
}

/** Returns the path of the main file for a path, a name, or one of the files beside it. */
function findFile(data: string, given: string): string {
  if (!fileName.test(basename(given))) {
    throw new UsageError(`Invalid file "${given}". Expected a file of objects/, such as objects/database/1f….sqlite.`)
  }
  const name = basename(given).replace(/\.sqlite-.*$/, '.sqlite')
  const folders = Array.from({ length: readCells(data) }, (_, cell) =>
    kinds.map((kind) => join(objectsFolder(data, cell), kind)),
  ).flat()
  const wanted = [resolve(dirname(given)), resolve(data, dirname(given))]
  const found = given === basename(given) ? folders : folders.filter((folder) => wanted.includes(folder))
  const file = found.map((folder) => join(folder, name)).find((path) => existsSync(path))
  if (file === undefined) throw new UsageError(`File "${given}" not found in the objects of ${data}.`)
  return file
}

/** Lists the main files of all objects. */
export function* listObjectFiles(data: string): Generator<string> {
  for (let cell = 0; cell < readCells(data); cell++) {
    for (const kind of kinds) {
      const folder = join(objectsFolder(data, cell), kind)
      if (!existsSync(folder)) continue
      for (const name of readdirSync(folder)) {
        if (/^[0-9a-f]{64}\.sqlite$/.test(name)) yield join(folder, name)
      }
    }
  }
}
