import { PerSQLError } from '@persql/contract'
import { disk } from '../../disk-space.ts'
import type { Env } from '../../env.ts'
import { quoteName } from '../../sqlite/identifiers.ts'
import { FileProcess, type LogResult } from '../../storage/file-process.ts'
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

/**
 * Gives free pages back to the disk. The runtime's SQLite has no VACUUM, so a process of the launcher runs it on the
 * file, while calls wait.
 */
export class Vacuum {
  readonly #options: VacuumOptions
  readonly #process: FileProcess
  /** Whether the log is to be shortened as soon as no reader has it open. */
  #isLogDue = false

  constructor(options: VacuumOptions) {
    this.#options = options
    const { ctx, env, ownPages } = options
    this.#process = new FileProcess({ ctx, env, around: (write) => ownPages.around(write) })
  }

  /** Completes a VACUUM that the end of an earlier object interrupted. Call it when the object starts. */
  recover(): void {
    this.#process.recover(() => this.#clean(undefined))
  }

  /** Runs VACUUM, unless the database is in use. @throws PerSQLError `database_not_found` */
  async run(id: string, request: VacuumRequest): Promise<VacuumResult> {
    const { ctx, identity } = this.#options
    if (!this.#process.isSupported) return { skipped: 'not_supported' }
    if (identity.current?.id !== id)
      throw new PerSQLError('database_not_found', { database: identity.current?.slug ?? '' })
    // If it throws, the runtime ends this object, and the next one completes the work.
    return ctx.blockConcurrencyWhile(() => this.#runAlone(request))
  }

  /** Shortens the write-ahead log, unless readers have it open. Then that is due before the next read. */
  shortenLog(): Promise<LogResult> {
    return this.#process.shortenLog(() => {
      this.#isLogDue = this.#options.isLogRead()
      return !this.#isLogDue
    })
  }

  /** Shortens a log that readers had open when the launcher asked. Call it before a read, while no other one runs. */
  async shortenDueLog(): Promise<void> {
    if (this.#isLogDue) await this.shortenLog()
  }

  async #runAlone({ isUrgent, ...wanted }: VacuumRequest): Promise<VacuumResult> {
    const { isBusy, lease } = this.#options
    if (isBusy() || (lease.isHeld && !isUrgent)) return { skipped: 'busy' }
    if (disk.level > 0) return { skipped: 'no_room' }
    const result = await this.#process.run<NativeResult>('', wanted)
    await this.#process.finish(() => this.#clean('freedBytes' in result ? result.systemBytes : undefined))
    return 'freedBytes' in result ? { freedBytes: result.freedBytes } : result
  }

  /** Drops what the process left in the file. All root pages can have changed. */
  #clean(systemBytes: number | undefined): void {
    const { ctx, ownPages, caches, size, identity } = this.#options
    const { sql } = ctx.storage
    const indexes = [
      ...sql.exec<{ name: string }>(
        "SELECT name FROM sqlite_master WHERE type = 'index' AND name GLOB '_persql_rowids_*'",
      ),
    ]
    for (const { name } of indexes) sql.exec(`DROP INDEX ${quoteName(name)}`)
    if (systemBytes !== undefined) ownPages.replace(systemBytes)
    for (const cache of caches) cache.forget()
    if (identity.current) size.measure()
  }
}
