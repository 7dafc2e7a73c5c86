import type { Listed, PageMeta, PerSQLError } from '@persql/contract'
import type { StreamedText } from '../../reply.ts'

/** The outcome of an operation before it is charged and formatted. */
export interface Outcome {
  readonly data: unknown
  /** `data` as JSON, if it is known already. */
  readonly dataText?: string
  /** `data` as JSON that is too large for a text. */
  readonly dataStream?: StreamedText
  /** The whole body of the response, for protocols with a format of their own. */
  readonly body?: string
  readonly status: number
  readonly sql: string
  readonly statementCount: number
  readonly rowsRead: number
  readonly rowsWritten: number
  /** AI tokens that were used and already charged. */
  readonly aiTokens?: number
  /** For a list, the position of the next page. */
  readonly page?: PageMeta
  /** The ID of the interactive transaction that it belongs to, if that isn't in the path of the request. */
  readonly transactionId?: string | undefined
  /** Whether it committed a transaction, whose rows were charged when its statements ran. */
  readonly commits?: boolean
  /** A failure that leaves the earlier statements of the batch applied. */
  readonly failure?: PerSQLError
}

/** Returns the outcome of an operation that ran no statements, except for the given fields. */
export const done = (data: unknown, used: Partial<Omit<Outcome, 'data'>> = {}): Outcome => ({
  data,
  status: 200,
  sql: '',
  statementCount: 0,
  rowsRead: 0,
  rowsWritten: 0,
  ...used,
})

/** Returns the outcome of an operation that returns a page of a list. */
export const donePage = <T>({ items, ...page }: Listed<T>): Outcome => done(items, { page })

/** Rounds a duration to microseconds. */
export const roundMs = (ms: number): number => Math.round(ms * 1000) / 1000
