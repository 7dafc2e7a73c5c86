import type { SchemaText } from '../../../sqlite/schema.ts'

/** What a branch and its parent had in common: the branch's schema when it began, or when it was last merged. */
export interface CommonSchema {
  /** Another one with each reset of the branch. */
  readonly fork: string
  /** The branch's last change of the schema that is in it. */
  readonly change: number
  readonly schema: SchemaText
  /** How far migration tools had come that keep only that, by table. */
  readonly versions?: Readonly<Record<string, string>>
}

/** Of a branch: the schema it began with. */
export const FORK_POINT = 'fork-point'
/** Of a parent: for each branch, the schema that was merged last. Void once the parent goes back to a snapshot. */
export const MERGED = 'merged/'
/** The keys, or how they begin, of what is deleted with the rows and tables of a database. */
export const contentKeys = [MERGED]

/** A value of the runtime's may have 2 MB; a character may be two bytes. */
const CHUNK = 500_000

/** Keeps a schema, however long it is. To be called in a transaction. */
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

/** Drops all whose key begins so. */
export function dropSchemas(kv: SyncKvStorage, prefix: string): void {
  for (const [key] of [...kv.list({ prefix })]) kv.delete(key)
}
