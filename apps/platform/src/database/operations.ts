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

/** Returns the operation handlers of a database, by their names in the contract. */
export const databaseOperations = (services: FeatureServices) => ({
  ...statements(services),
  ...endpoints(services),
  ...assistant(services),
  ...snapshots(services),
  ...proposals(services),
  ...migrations(services),
  ...descriptions(services),
  ...approvals(services),
  ...merges(services),
  ...transactions(services),
  ...scripts(services),
  ...transfer(services),
  ...feed(services),
  ...webhooks(services),
  ...schedules(services),
  ...savedQueries(services),
  ...insights(services),
})

/** The operations of the contract that a database serves. */
export type DatabaseOperation = keyof ReturnType<typeof databaseOperations>

/** Returns the handlers of calls that other protocols define, which the contract doesn't have. */
const protocolCalls = (services: FeatureServices) => libsql(services)

/** The calls of other protocols that a database serves. */
export type ProtocolCall = keyof ReturnType<typeof protocolCalls>

/** Returns the handlers of all calls of a database. */
export const databaseHandlers = (services: FeatureServices) => ({
  ...databaseOperations(services),
  ...protocolCalls(services),
})
