import type { SchemaText } from '../../../sqlite/schema.ts'

/** The schema that a branch and its parent shared: the initial one of the branch, or that of the last merge. */
export interface CommonSchema {
  /** An ID that changes with each reset of the branch. */
  readonly fork: string
  /** The number of the branch's last schema change that it includes. */
  readonly change: number
  readonly schema: SchemaText
  /** The versions, by table, of migration tools that store only a version. */
  readonly versions?: Readonly<Record<string, string>>
}

/** The key of a branch's initial schema. */
export const FORK_POINT = 'fork-point'
/** The prefix of the last merged schema of each branch, in the parent. A restore of the parent makes it invalid. */
export const MERGED = 'merged/'
/** The storage keys, or their prefixes, that are deleted with the rows and tables of a database. */
export const contentKeys = [MERGED]

/** A stored value can have at most 2 MB, and a character can take two bytes. */
const CHUNK = 500_000

/** Saves a schema of any length. Call it in a transaction. */
export function keepSchema(kv: SyncKvStorage, key: string, common: CommonSchema): void {
  dropSchemas(kv, key)
  const text = JSON.stringify(common)
  for (let at = 0; at < text.length; at += CHUNK) kv.put(`${key}/${at / CHUNK}`, text.slice(at, at + CHUNK))
}

export function keptSchema(kv: SyncKvStorage, key: string): CommonSchema | undefined {
  let text = ''
  for (let i = 0; ; i++) {
    const chunk = kv.get<string>(`${key}/${i}`)
    if (chunk === undefined) break
    text += chunk
  }
  return text === '' ? undefined : (JSON.parse(text) as CommonSchema)
}

/** Deletes all saved schemas whose keys start with this prefix. */
export function dropSchemas(kv: SyncKvStorage, prefix: string): void {
  for (const [key] of [...kv.list({ prefix })]) kv.delete(key)
}
