import type { Database } from '../../packages/sdk/src/index.ts'

/** What an adapter does on any database, one that nobody used before for each; it throws when it does not. */
export type Suite = Record<string, (db: Database) => Promise<void>>
