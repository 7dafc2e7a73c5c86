import type { Database } from '../../packages/sdk/src/index.ts'

/** Cases of an adapter. Each gets a new database and throws if it fails. */
export type Suite = Record<string, (db: Database) => Promise<void>>
