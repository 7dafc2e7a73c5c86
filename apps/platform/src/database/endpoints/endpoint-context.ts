import { now } from '../../clock.ts'
import type { Assistant } from '../insights/assistant/assistant.ts'
import type { CallBilling } from '../metering/charges.ts'
import type { DatabaseReads } from '../reads/database-reads.ts'
import { keyColumn } from './manage.ts'
import type { EndpointContext, RunBilled, RunQuestion } from './run.ts'
import type { Sessions } from './sessions.ts'
import type { OpenEndpoint } from './store.ts'

interface AllMeansOptions {
  readonly storage: DurableObjectStorage
  readonly reads: DatabaseReads
  readonly sessions: Sessions
  readonly assistant: Assistant
  readonly charges: CallBilling
  readonly derive: EndpointContext['derive']
  readonly resume: EndpointContext['resume']
}

/** Execution contexts of endpoints, created once per endpoint. */
export class EndpointContextCache {
  readonly #options: AllMeansOptions
  readonly #made = new WeakMap<OpenEndpoint, EndpointContext>()

  constructor(options: AllMeansOptions) {
    this.#options = options
  }

  of(endpoint: OpenEndpoint): EndpointContext {
    let means = this.#made.get(endpoint)
    if (!means) {
      means = this.#make(endpoint)
      this.#made.set(endpoint, means)
    }
    return means
  }

  /** Returns the function that sends questions to the AI model for this token and charges their SQL through `spend`. */
  ask(tokenId: string, spend: RunBilled): RunQuestion {
    const { assistant } = this.#options
    return async ({ spec, tableScope }, question) => {
      const { allowedTables, context, maxRows } = spec.askConfig as NonNullable<typeof spec.askConfig>
      const tables = allowedTables.length > 0 ? allowedTables : tableScope
      const asking = { question, allowedTables: tables, context, maxRows }
      const { sql, explanation } = await assistant.generate(tokenId, asking)
      const { columns, rows } = await spend(sql, () => assistant.run(tokenId, sql, asking))
      return { sql, columns, rows, explanation }
    }
  }

  #make(endpoint: OpenEndpoint): EndpointContext {
    const { storage, reads, sessions, charges, derive, resume } = this.#options
    const tokenId = `endpoint:${endpoint.spec.slug}`
    const spend: RunBilled = (sql, run) => charges.spend(tokenId, sql, run, 'endpoint', () => resume(endpoint))
    return {
      ...{ reads, derive, resume },
      findKey: (table) => keyColumn(storage.sql, table),
      mint: (userId, email, ttlS) => sessions.mint(userId, email, ttlS, now()),
      ask: this.ask(tokenId, spend),
      spend,
    }
  }
}
