import type { Handler } from './calls/handler.ts'
import { operations as endpoints } from './endpoints/operations.ts'
import { operations as statements } from './engine/operations.ts'
import { operations as feed } from './events/change-feed/operations.ts'
import { operations as schedules } from './events/schedules/operations.ts'
import { operations as webhooks } from './events/webhooks/operations.ts'
import { operations as assistant } from './insights/assistant/operations.ts'
import { operations as descriptions } from './insights/describe/operations.ts'
import { operations as insights } from './insights/statistics/operations.ts'
import { operations as libsql } from './libsql/operations.ts'
import { operations as approvals } from './review/approvals/operations.ts'
import { operations as proposals } from './review/proposals/operations.ts'
import { operations as savedQueries } from './saved-queries/operations.ts'
import { operations as transactions } from './transactions/operations.ts'
import { scriptOperations as scripts } from './transactions/script-operation.ts'
import { operations as transfer } from './transfer/operations.ts'
import { operations as merges } from './versions/merge/operations.ts'
import { operations as migrations } from './versions/migrations/operations.ts'
import { operations as snapshots } from './versions/snapshots/operations.ts'

/** The services of all features. Each feature uses its own subset. */
export type FeatureServices = Parameters<typeof assistant>[0] &
  Parameters<typeof approvals>[0] &
  Parameters<typeof descriptions>[0] &
  Parameters<typeof endpoints>[0] &
  Parameters<typeof statements>[0] &
  Parameters<typeof feed>[0] &
  Parameters<typeof snapshots>[0] &
  Parameters<typeof insights>[0] &
  Parameters<typeof libsql>[0] &
  Parameters<typeof merges>[0] &
  Parameters<typeof migrations>[0] &
  Parameters<typeof proposals>[0] &
  Parameters<typeof savedQueries>[0] &
  Parameters<typeof schedules>[0] &
  Parameters<typeof transactions>[0] &
  Parameters<typeof scripts>[0] &
  Parameters<typeof transfer>[0] &
  Parameters<typeof webhooks>[0]

/** The functions that return the handlers of operations of the contract. */
const ofContract = [
  statements,
  endpoints,
  assistant,
  snapshots,
  proposals,
  migrations,
  descriptions,
  approvals,
  merges,
  transactions,
  scripts,
  transfer,
  feed,
  webhooks,
  schedules,
  savedQueries,
  insights,
] as const

/** The functions that return the handlers of calls that other protocols define, which the contract doesn't have. */
const ofProtocols = [libsql] as const

type KeysOf<T> = T extends unknown ? keyof T : never

/** The operations of the contract that a database serves. */
export type DatabaseOperation = KeysOf<ReturnType<(typeof ofContract)[number]>>

/** The calls of other protocols that a database serves. */
export type ProtocolCall = KeysOf<ReturnType<(typeof ofProtocols)[number]>>

/** Returns the handlers of one feature. */
type Feature = (services: FeatureServices) => Readonly<Partial<Record<string, Handler>>>

const allFeatures: readonly Feature[] = [...ofContract, ...ofProtocols]
/** The feature of each call, after the first call of this process. */
const featuresByCall = new Map<string, Feature>()

/**
 * The handlers of a database's calls. Those of a feature are created when it is used for the first time, because creating
 * all of them would delay the first request of a database.
 */
export class DatabaseHandlers {
  readonly #services: FeatureServices
  readonly #known = new Map<string, Handler>()

  constructor(services: FeatureServices) {
    this.#services = services
  }

  /** Returns the handler of a call. */
  get(name: DatabaseOperation | ProtocolCall): Handler {
    return this.#known.get(name) ?? this.#create(name)
  }

  #create(name: string): Handler {
    const known = featuresByCall.get(name)
    for (const feature of known ? [known] : allFeatures) {
      for (const [each, handler] of Object.entries(feature(this.#services))) {
        featuresByCall.set(each, feature)
        this.#known.set(each, handler as Handler)
      }
    }
    return this.#known.get(name) as Handler
  }
}
