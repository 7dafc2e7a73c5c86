import type { Suite } from '../suite.ts'
import { selecting, writing } from './queries.ts'
import { schema } from './schema.ts'
import { transactions } from './transactions.ts'

/** Cases of Kysely's own tests for SQLite that say something about a dialect, and what is ours beside them. */
export const suite: Suite = { ...selecting, ...writing, ...schema, ...transactions }
