/** The maximum length of a statement in UTF-8, which is SQLite's limit in this runtime. */
export const MAX_SQL_BYTES = 100_000
