import type { Env } from '../../env.ts'
import type { Engine } from '../engine/engine.ts'
import type { SystemStorage } from '../engine/system-storage.ts'
import type { IdentityStore } from '../identity.ts'
import { DatabaseReads } from './database-reads.ts'
import type { LongReads } from './long-reads.ts'
import { getReaderPool } from './reader-pool.ts'
import { trimLog } from './write-ahead-log.ts'

/** The services that run long reads. */
interface ReadServices {
  readonly ctx: DurableObjectState
  readonly env: Env
  readonly storage: DurableObjectStorage
  readonly identity: IdentityStore
  readonly ownPages: SystemStorage
  readonly settings: { readonly queryTimeoutMs: number }
  /** Shortens the log if an earlier read prevented that. */
  readonly shortenDueLog: () => Promise<void>
}

/** Creates what runs long reads in other processes. */
export function createReads(services: ReadServices, engine: Engine, longReads: LongReads): DatabaseReads {
  const { ctx, env, storage, identity, ownPages, settings } = services
  const { OBJECT_FILES: files } = env
  const write = async () => {
    ownPages.around(() => storage.kv.put('logTrimmedAt', Date.now()))
    await storage.sync()
  }
  return new DatabaseReads({
    ...{ ctx, identity, engine, longReads, pool: getReaderPool(env), timeoutMs: settings.queryTimeoutMs },
    trimLog: async () => {
      if (!files) return
      await services.shortenDueLog()
      await trimLog((suffix, init) => files.fetch(`http://files/database/${ctx.id}.sqlite${suffix}`, init), write)
    },
  })
}
