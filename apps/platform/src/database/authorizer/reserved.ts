import { lower } from '../../sqlite/identifiers.ts'

/** Returns whether a table belongs to PerSQL or to the runtime, so that tenants can't write to it. */
export const isReserved = (table: string): boolean => /^_(persql|cf)_/.test(lower(table))

/**
 * Returns whether tenants can't even read a table: it stores PerSQL's merge base or deferred keys, or belongs to the
 * runtime.
 */
export const isHidden = (table: string): boolean => /^_(persql_base_|persql_deferred_keys$|cf_)/.test(lower(table))
