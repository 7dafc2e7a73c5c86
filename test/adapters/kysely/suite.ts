import type { Suite } from '../suite.ts'
import { selecting, writing } from './queries.ts'
import { schema } from './schema.ts'
import { transactions } from './transactions.ts'

/** The cases of Kysely's own SQLite tests that concern a dialect, and additional ones. */
export const suite: Suite = { ...selecting, ...writing, ...schema, ...transactions }
