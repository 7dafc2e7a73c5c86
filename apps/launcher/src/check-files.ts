import { existsSync } from 'node:fs'
import type Sqlite from 'libsql'
import {
  type DatabaseRecord,
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

/** Lines of `integrity_check` about the content of a table, which SQL can cause, and not about the file. */
const ofContent =
  /^(NULL value in |CHECK constraint failed in |(non-)?[A-Z]+ value in |malformed inverted index|unable to validate the inverted index)/

/**
 * Checks files of the data folder: one database, or the Directory with all namespaces and databases. Missing and
 * outdated files are found by the records of their namespaces.
 */
export function* checkFiles(data: string, address?: string): Generator<FileCheck> {
  if (address !== undefined) {
    const file = locateDatabase(data, address)
    const [namespace = '', slug] = address.split('/')
    const record = listDatabases(data, namespace).find((database) => database.slug === slug) as DatabaseRecord
    yield { name: address, file, problem: checkDatabase(file, record) }
    return
  }
  const directory = objectFile(data, 'directory', 'directory')
  yield { name: 'directory', file: directory, problem: findDamage(directory) }
  for (const namespace of listNamespaces(data)) {
    const file = objectFile(data, 'namespace', namespace)
    const problem = existsSync(file) ? findDamage(file) : 'missing'
    yield { name: namespace, file, problem }
    if (problem !== undefined) continue
    for (const record of listDatabases(data, namespace)) {
      if (record.status === 'deleting') continue
      const name = `${namespace}/${record.slug}`
      const own = objectFile(data, 'database', name)
      yield { name, file: own, problem: checkDatabase(own, record) }
    }
  }
}

/** Returns what is wrong with the file of a database, compared with its record. */
function checkDatabase(file: string, { id, generation, requests }: DatabaseRecord): string | undefined {
  // The record doesn't know a file before the first call.
  const isInitialized = generation > 0 || (generation === 0 && requests > 0)
  if (!existsSync(file)) return isInitialized ? 'missing' : undefined
  return (
    findDamage(file) ??
    attempt(file, (sqlite) => {
      if (!isInitialized) return undefined
      const identity = readValue(sqlite, 'identity') as { id?: string } | undefined
      if (identity?.id === undefined) return 'empty, although the database was in use'
      if (identity.id !== id) return `the file of another database (${identity.id})`
      const own = (readValue(sqlite, 'totals') as { generation?: number } | undefined)?.generation ?? 0
      return own < generation ? `outdated: generation ${own}, but ${generation} on record` : undefined
    })
  )
}

/** Returns the first problem that SQLite finds in a file. */
function findDamage(file: string): string | undefined {
  return attempt(file, (sqlite) => {
    const rows = sqlite.prepare('PRAGMA integrity_check').all() as { integrity_check: string }[]
    return rows.map((row) => row.integrity_check).find((line) => line !== 'ok' && !ofContent.test(line))
  })
}

function attempt(file: string, read: (sqlite: Sqlite.Database) => string | undefined): string | undefined {
  try {
    return readFile(file, read)
  } catch (cause) {
    return (cause as Error).message
  }
}
