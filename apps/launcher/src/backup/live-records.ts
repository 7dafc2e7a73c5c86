import { existsSync } from 'node:fs'
import { type FileUse, objectFile, readFile } from '../object-files.ts'
import { readDatabaseFacts, readNamespaceFacts } from './object-facts.ts'

/**
 * Returns whether a namespace lists a database now, or a database lists a snapshot. The running instance can have deleted
 * it after its owner was read.
 * @param owner the name of the namespace, or `namespace/database`
 */
export function isListed(data: string, owner: string, id: string, use: FileUse): boolean {
  const isDatabase = owner.includes('/')
  const file = objectFile(data, isDatabase ? 'database' : 'namespace', owner)
  if (!existsSync(file)) return false
  if (isDatabase) return readFile(file, readDatabaseFacts, use).snapshots.includes(id)
  const { databases } = readFile(file, readNamespaceFacts, use)
  return databases.some((database) => database.id === id && database.status === 'healthy')
}
