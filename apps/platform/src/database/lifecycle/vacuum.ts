import { PerSQLError } from '@persql/contract'
import { disk } from '../../disk-space.ts'
import type { Env } from '../../env.ts'
import { quoteName } from '../../sqlite/identifiers.ts'
import type { Memory } from '../calls/exclusive-access.ts'
import type { SystemStorage } from '../engine/system-storage.ts'
import type { IdentityStore } from '../identity.ts'

/** A request of the launcher. */
export interface VacuumRequest {
  /** The least free pages, in bytes. */
  readonly minFreeBytes: number
  /** The least free pages, as a share of the file. */
  readonly minFreeShare: number
  /** Whether the database may be in use, so that the next calls wait. */
  readonly isUrgent: boolean
}

/** The result: the bytes by which the file became shorter, why it is as it was, or why that failed. */
export type VacuumResult =
  | { readonly freedBytes: number }
  | { readonly skipped: 'not_supported' | 'busy' | 'no_room' | 'few_free_pages' | 'too_large' }
  | { readonly failed: string }

/** The result of shortening the log: its length before, why it is as it was, or why that failed. */
export type LogResult =
  | { readonly freedBytes: number }
  | { readonly skipped: 'not_supported' | 'busy' }
  | { readonly failed: string }

/** The response of the launcher's service. */
type NativeResult = Exclude<VacuumResult, { freedBytes: number }> | { freedBytes: number; systemBytes: number }

/** The services that a VACUUM uses. */
export interface VacuumOptions {
  readonly ctx: DurableObjectState
  readonly env: Pick<Env, 'VACUUM' | 'PERSQL_SECRET'>
  readonly identity: IdentityStore
  readonly ownPages: SystemStorage
  /** Returns whether calls run or wait, or other work uses the tables. */
  readonly isBusy: () => boolean
  /** Returns whether readers have the file open, or are about to open it. */
  readonly isLogRead: () => boolean
  readonly lease: { readonly isHeld: boolean }
  /** Caches of root pages and sizes. */
  readonly caches: readonly Memory[]
  readonly size: { measure(): unknown }
}

const KEY = 'vacuuming'

/**
 * Gives free pages back to the disk. The runtime's SQLite has no VACUUM, so a process of the launcher runs it on the
 * file. In that time, the runtime delivers no event to this object, so that nothing writes and calls wait. A record in
 * the file survives if this object ends: the next one waits until the launcher has ended that process.
 */
export class Vacuum {
  readonly #options: VacuumOptions
  /** Whether a request to shorten the log waits for its turn. */
  #isShortening = false
  /** Whether the log is to be shortened as soon as no reader has it open. */
  #isLogDue = false

  constructor(options: VacuumOptions) {
    this.#options = options
  }

  /** Completes a VACUUM that the end of an earlier object interrupted. Call it when the object starts. */
  recover(): void {
    const { ctx } = this.#options
    if (ctx.storage.kv.get(KEY) !== undefined) void ctx.blockConcurrencyWhile(() => this.#recover())
  }

  /** Runs VACUUM, unless the database is in use. @throws PerSQLError `database_not_found` */
  async run(id: string, request: VacuumRequest): Promise<VacuumResult> {
    const { ctx, env, identity } = this.#options
    // Cloudflare's objects have no file that a process could shorten.
    if (!env.VACUUM) return { skipped: 'not_supported' }
    if (identity.current?.id !== id)
      throw new PerSQLError('database_not_found', { database: identity.current?.slug ?? '' })
    // If it throws, the runtime ends this object, and the next one completes the work.
    return ctx.blockConcurrencyWhile(() => this.#runAlone(request))
  }

  /** Shortens the write-ahead log, which keeps the length of the longest transaction, also if that was rolled back. */
  async shortenLog(): Promise<LogResult> {
    const { ctx, env, identity } = this.#options
    if (!env.VACUUM) return { skipped: 'not_supported' }
    // A transaction can hold this object for longer than the launcher waits.
    if (!identity.current || this.#isShortening) return { skipped: 'busy' }
    this.#isShortening = true
    try {
      return await ctx.blockConcurrencyWhile(() => this.#shortenAlone())
    } finally {
      this.#isShortening = false
    }
  }

  /** Shortens a log that readers had open when the launcher asked. Call it before a read, while no other one runs. */
  async shortenDueLog(): Promise<void> {
    if (this.#isLogDue) await this.shortenLog()
  }

  async #shortenAlone(): Promise<LogResult> {
    const { isLogRead } = this.#options
    this.#isLogDue = isLogRead()
    if (this.#isLogDue) return { skipped: 'busy' }
    await this.#begin()
    let result: LogResult
    try {
      const response = await this.#fetch('POST', '/log')
      result = await response.json<LogResult>()
    } catch (cause) {
      await this.#endProcess()
      result = { failed: String(cause) }
    }
    await this.#end()
    return result
  }

  async #runAlone({ isUrgent, ...wanted }: VacuumRequest): Promise<VacuumResult> {
    const { ctx, isBusy, lease } = this.#options
    if (isBusy() || (lease.isHeld && !isUrgent)) return { skipped: 'busy' }
    if (disk.level > 0) return { skipped: 'no_room' }
    await this.#begin()
    let result: NativeResult
    try {
      const response = await this.#fetch('POST', '', JSON.stringify(wanted))
      result = await response.json<NativeResult>()
    } catch (cause) {
      await this.#endProcess()
      result = { failed: String(cause) }
    }
    this.#finish('freedBytes' in result ? result.systemBytes : undefined)
    await ctx.storage.sync()
    return 'freedBytes' in result ? { freedBytes: result.freedBytes } : result
  }

  /** Records that a process of the launcher uses the file, and commits all that this object wrote. */
  async #begin(): Promise<void> {
    const { ctx, ownPages } = this.#options
    ownPages.around(() => ctx.storage.kv.put(KEY, true))
    await ctx.storage.sync()
  }

  async #end(): Promise<void> {
    const { ctx, ownPages } = this.#options
    ownPages.around(() => ctx.storage.kv.delete(KEY))
    await ctx.storage.sync()
  }

  async #recover(): Promise<void> {
    await this.#endProcess()
    this.#finish(undefined)
  }

  /** Ends the process that can still have the file open. @throws Error if the launcher can't be reached */
  async #endProcess(): Promise<void> {
    if (this.#options.env.VACUUM) await this.#fetch('DELETE', '')
  }

  async #fetch(method: 'POST' | 'DELETE', work: '' | '/log', body?: string): Promise<Response> {
    const { ctx, env } = this.#options
    const response = await (env.VACUUM as Fetcher).fetch(`http://vacuum/${ctx.id}${work}`, {
      method,
      headers: { Authorization: `Bearer ${env.PERSQL_SECRET}` },
      ...(body !== undefined && { body }),
    })
    if (!response.ok) throw new Error(`The service for VACUUM responded with ${response.status}.`)
    return response
  }

  /** Drops what the process left in the file. All root pages can have changed. */
  #finish(systemBytes: number | undefined): void {
    const { ctx, ownPages, caches, size, identity } = this.#options
    const { sql, kv } = ctx.storage
    const indexes = [
      ...sql.exec<{ name: string }>(
        "SELECT name FROM sqlite_master WHERE type = 'index' AND name GLOB '_persql_rowids_*'",
      ),
    ]
    for (const { name } of indexes) sql.exec(`DROP INDEX ${quoteName(name)}`)
    ownPages.around(() => kv.delete(KEY))
    if (systemBytes !== undefined) ownPages.replace(systemBytes)
    for (const cache of caches) cache.forget()
    if (identity.current) size.measure()
  }
}
