/** Thrown before any lasting change: another step has to run first, then the call is repeated. */
export class RetryRequired extends Error {}

/** Thrown while the database is being copied or replaced by a copy, or while a transaction holds it. */
export class DatabaseLocked extends RetryRequired {}
