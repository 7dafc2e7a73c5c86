import { PerSQLError } from '@persql/contract'
import type { Env } from '../../../env.ts'
import type { Grant } from '../../calls/call.ts'
import { databaseObject } from '../../calls/neighbors.ts'
import type { IdentityStore } from '../../identity.ts'
import type { QueryLog } from '../../metering/query-log.ts'
import { advise, type IndexAdviceResult } from './advise.ts'

/** The services that advice uses. */
export interface AdvisorServices {
  readonly env: Env
  readonly storage: DurableObjectStorage
  readonly identity: IdentityStore
  readonly log: QueryLog
}

/** The index advisor. It has one copy to test indexes on, so it serves one caller at a time. */
export class Advisor {
  readonly #services: AdvisorServices
  #isRunning = false

  constructor(services: AdvisorServices) {
    this.#services = services
  }

  /** Finds indexes that logged statements lack. @throws PerSQLError `advice_under_way` */
  async advise(tableScope: Grant['tableScope']): Promise<IndexAdviceResult> {
    const { env, storage, identity, log } = this.#services
    const { namespace, slug } = identity.known
    if (this.#isRunning) throw new PerSQLError('advice_under_way')
    this.#isRunning = true
    try {
      log.flush()
      const { scratch } = databaseObject(env, namespace, `${slug}#advisor`)
      return await advise(storage.sql, scratch, tableScope)
    } finally {
      this.#isRunning = false
    }
  }
}
