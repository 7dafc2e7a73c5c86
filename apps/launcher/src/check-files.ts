import { existsSync } from 'node:fs'
import type Sqlite from 'libsql'
import {
  type DatabaseRecord,
  type FileUse,
  isInitialized,
  listDatabases,
  listNamespaces,
  locateDatabase,
  objectFile,
  readFile,
  readValue,
} from './object-files.ts'

/** The result for one file. */
export interface FileCheck {
  /** `namespace/database`, the name of a namespace, or `directory`. */
  name: string
  file: string
  /** The damage of the file; `undefined` if it is intact. */
  problem: string | undefined
}

/** The check of a file by SQLite. `quick_check` skips the comparison of indexes with their tables. */
export type Check = 'integrity_check' | 'quick_check'

/** Lines of `integrity_check` about the content of a table, which SQL can cause, and not about the file. */
const ofContent =
  /^(NULL value in |CHECK constraint failed in |(non-)?[A-Z]+ value in |malformed inverted index|unable to validate the inverted index)/

/**
 * Checks files of the data folder: one database, or the Directory with all namespaces and databases. Missing and
 * outdated files are found by the records of their namespaces.
 */
export function* checkFiles(data: string, use: FileUse, address?: string): Generator<FileCheck> {
  if (address !== undefined) {
    const file = locateDatabase(data, address, use)
    const [namespace = '', slug] = address.split('/')
    const record = listDatabases(data, namespace, use).find((database) => database.slug === slug) as DatabaseRecord
    yield { name: address, file, problem: checkDatabase(file, record, use) }
    return
  }
  const directory = objectFile(data, 'directory', 'directory')
  yield { name: 'directory', file: directory, problem: findDamage(directory, use) }
  for (const namespace of listNamespaces(data, use)) {
    const file = objectFile(data, 'namespace', namespace)
    const problem = existsSync(file) ? findDamage(file, use) : 'missing'
    yield { name: namespace, file, problem }
    if (problem !== undefined) continue
    for (const record of listDatabases(data, namespace, use)) {
      if (record.status === 'deleting') continue
      const name = `${namespace}/${record.slug}`
      const own = objectFile(data, 'database', name)
      yield { name, file: own, problem: checkDatabase(own, record, use) }
    }
  }
}

/** Returns what is wrong with the file of a database, compared with its record. */
export function checkDatabase(file: string, record: DatabaseRecord, use: FileUse, pragma?: Check): string | undefined {
  const { id, generation } = record
  if (!existsSync(file)) return isInitialized(record) ? 'missing' : undefined
  return (
    findDamage(file, use, pragma) ??
    attempt(
      file,
      (sqlite) => {
        if (!isInitialized(record)) return undefined
        const identity = readValue(sqlite, 'identity') as { id?: string } | undefined
        if (identity?.id === undefined) return 'empty, although the database was in use'
        if (identity.id !== id) return `the file of another database (${identity.id})`
        const own = (readValue(sqlite, 'totals') as { generation?: number } | undefined)?.generation ?? 0
        return own < generation ? `outdated: generation ${own}, but ${generation} on record` : undefined
      },
      use,
    )
  )
}

/** Returns the first problem that SQLite finds in a file. */
export function findDamage(file: string, use: FileUse, pragma: Check = 'integrity_check'): string | undefined {
  const check = (sqlite: Sqlite.Database): string | undefined => {
    // A tenant's constraints could take any time, and what they say isn't about the file.
    sqlite.exec('PRAGMA ignore_check_constraints = ON')
    const rows = sqlite.prepare(`PRAGMA ${pragma}`).raw().all() as [string][]
    return rows.map(([line]) => line).find((line) => line !== 'ok' && !ofContent.test(line))
  }
  return attempt(file, check, use)
}

function attempt(
  file: string,
  read: (sqlite: Sqlite.Database) => string | undefined,
  use: FileUse,
): string | undefined {
  try {
    return readFile(file, read, use)
  } catch (cause) {
    return (cause as Error).message
  }
}
