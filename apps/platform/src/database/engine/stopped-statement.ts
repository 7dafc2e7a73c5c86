import { PerSQLError } from '@persql/contract'
import { storageFull } from '../../disk-space.ts'
import { storageExceeded } from '../../storage/quota-exceeded.ts'
import type { QuotaUse } from '../metering/quotas.ts'

/** The reason why a statement was stopped: its time, the quota of its database, or the room on the disk. */
export type StopReason = 'time' | 'quota' | 'disk'

/** A statement that the launcher stopped, with the whole process. */
export interface StoppedStatement {
  readonly tokenId: string
  readonly sql: string
  /** Whether it wrote, or was in a transaction that could. */
  readonly isWrite: boolean
  /** The time for which it ran. */
  readonly seconds: number
  readonly reason: StopReason
  /** The quota of a statement that wrote, and its use before the statement. */
  readonly use?: QuotaUse | undefined
}

/** Returns the error that the call of a stopped statement would have got. */
export function toStopError({ reason, seconds, use }: StoppedStatement): PerSQLError {
  if (reason === 'quota' && use) return storageExceeded(use.quota, use.limit, use.used)
  return reason === 'disk' ? storageFull() : new PerSQLError('query_timeout', { seconds })
}
