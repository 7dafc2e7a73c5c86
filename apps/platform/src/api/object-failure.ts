import { PerSQLError } from '@persql/contract'
import type { Context } from '../context.ts'
import { isFileDamaged, isUnopenable, toTransactionError } from '../storage/runtime-error.ts'
import { findSqliteFailure } from '../storage/sqlite-failures.ts'
import { namespaceObject } from './objects.ts'

const MAX_KNOWN = 10_000
/** The time for which a damaged database isn't reported again. */
const REPEAT_MS = 10_000

/** Databases whose damage was reported, with the time of the next report. */
const reported = new Map<string, number>()

/**
 * Converts the failure of a call to a database that didn't answer it: its object couldn't start, or was ended. Reports a
 * damaged file to the namespace.
 */
export async function toCallError(
  ctx: Context,
  ns: string,
  db: string,
  startedMs: number,
  failure: unknown,
): Promise<PerSQLError> {
  const { queryTimeoutMs, runtime } = ctx.settings
  const cause = runtime === 'workerd' ? await findSqliteFailure(failure) : failure
  const error = toTransactionError(cause)
  if (error.code === 'took_too_long' || error.code === 'storage_full') return error
  if (isFileDamaged(String(cause))) {
    await reportDamage(ctx, ns, db, String(cause))
    return new PerSQLError('database_damaged', {}, { cause })
  }
  if (isUnopenable(String(cause)) && (await namespaceObject(ctx.env, ns).reportFolder(db, String(cause)))) {
    return new PerSQLError('database_damaged', {}, { cause })
  }
  const timedOut = Date.now() - startedMs >= queryTimeoutMs
  if (error.code === 'cell_unavailable' && !timedOut) return error
  return new PerSQLError(timedOut ? 'query_timeout' : 'unavailable', { seconds: queryTimeoutMs / 1000 }, { cause })
}

/** Reports a damaged file to the namespace, unless it was reported shortly before. */
export async function reportDamage(
  { env }: Pick<Context, 'env'>,
  ns: string,
  db: string,
  cause: string,
): Promise<void> {
  const name = `${ns}/${db}`
  if ((reported.get(name) ?? 0) > Date.now()) return
  if (reported.size >= MAX_KNOWN) reported.clear()
  reported.set(name, Date.now() + REPEAT_MS)
  await namespaceObject(env, ns)
    .reportDamage(db, cause.slice(0, 300))
    .catch(() => reported.delete(name))
}
