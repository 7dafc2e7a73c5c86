import type { Listed, Database as ListedDatabase } from '@persql/contract'
import type { Env } from '../../env.ts'
import { databaseAt, namespaceAt, type Remote } from '../../remote.ts'
import { type Alarm, KeptAlarm } from '../../storage/alarm.ts'
import type { Identity } from '../identity.ts'
import type { ScratchDatabase } from '../insights/index-advisor/scratch-database.ts'
import type { LeaseCalls } from '../metering/lease-calls.ts'
import type { RevocationCalls } from '../metering/revocations.ts'
import type { AuditCalls } from '../review/audit-outbox.ts'
import type { ImportStage } from '../transfer/import-stage.ts'
import type { Source } from '../versions/copy/source.ts'
import type { DiffState } from '../versions/merge/branch-state.ts'
import type { Branch } from '../versions/merge/fetch-branch.ts'
import type { SchemaTrial } from '../versions/merge/schema-trial.ts'

// These interfaces name calls instead of classes, so that no feature of a database depends on the objects that compose
// all features. Both classes declare that they implement these calls.

/** The calls that keep the alarm of a database, or of one of its copies, in its namespace. `name` is without the namespace. */
interface WakeUpCalls {
  set(name: string, atMs: number): Promise<void>
  clear(name: string): Promise<void>
}

/** The calls that a database makes to its namespace. */
export interface NamespaceCalls extends AuditCalls, LeaseCalls, RevocationCalls {
  readonly branches: { list(parent: string): Promise<Listed<ListedDatabase>> }
  readonly wakeUps: WakeUpCalls
}

/** The calls that a database makes to other databases, and to the objects that hold its copies. */
export interface DatabaseCalls extends Branch {
  readonly scratch: Remote<ScratchDatabase>
  readonly schemaTrial: Remote<SchemaTrial>
  readonly stage: Remote<ImportStage>
  diffState(id: string): Promise<DiffState>
  copyFrom(identity: Identity | undefined, from: Source): Promise<number>
}

/** Returns the object of a namespace, for calls from its databases. */
export const namespaceObject = (env: Env, slug: string): NamespaceCalls => namespaceAt(env, slug)

/** Returns the object of another database, for calls from a database. */
export const databaseObject = (env: Env, namespace: string, name: string): DatabaseCalls =>
  databaseAt(env, namespace, name)

/** Returns the alarm that the namespace keeps. Other processes open the files of databases too. */
export function createKeptAlarm({ id }: DurableObjectState, env: Env): Alarm {
  const { name = '' } = id
  const wakeUps = () => namespaceObject(env, name.slice(0, name.indexOf('/'))).wakeUps
  const own = name.slice(name.indexOf('/') + 1)
  return new KeptAlarm({ set: (atMs) => wakeUps().set(own, atMs), clear: () => wakeUps().clear(own) })
}
