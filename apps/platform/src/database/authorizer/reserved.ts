import { lower } from '../../sqlite/tokenizer.ts'

/** Returns whether a table belongs to PerSQL or to the runtime: tenants cannot write to it. */
export const isReserved = (table: string): boolean => /^_(persql|cf)_/.test(lower(table))

/** Returns whether a table cannot even be read: it holds notes of PerSQL about rows and keys, or belongs to the runtime. */
export const isHidden = (table: string): boolean => /^_(persql_base_|persql_deferred_keys$|cf_)/.test(lower(table))
