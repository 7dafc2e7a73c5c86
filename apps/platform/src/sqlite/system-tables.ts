import { lower } from './tokenizer.ts'

/** Whether a table is SQLite's, the runtime's or ours. */
export const isInternal = (name: string) => /^(sqlite_|_persql_|_cf_)/.test(lower(name))
