import { lower } from './identifiers.ts'

/** Returns whether a table belongs to SQLite, the runtime or PerSQL. */
export const isInternal = (name: string) => /^(sqlite_|_persql_|_cf_)/.test(lower(name))
