import type { Listed, PageMeta, PerSQLError } from '@persql/contract'

/** What running an operation gave, before it is charged and wrapped. */
export interface Outcome {
  readonly data: unknown
  readonly status: number
  readonly sql: string
  readonly statementCount: number
  readonly rowsRead: number
  readonly rowsWritten: number
  /** Tokens of the model that were used, and charged already. */
  readonly aiTokens?: number
  /** Of a list: where its next page begins. */
  readonly page?: PageMeta
  /** A failure after which earlier statements of the batch stay. */
  readonly failure?: PerSQLError
}

/** What an operation gave that is not about statements, save for what is told. */
export const done = (data: unknown, used: Partial<Omit<Outcome, 'data'>> = {}): Outcome => ({
  data,
  status: 200,
  sql: '',
  statementCount: 0,
  rowsRead: 0,
  rowsWritten: 0,
  ...used,
})

/** What an operation gave that answers a page of a list. */
export const donePage = <T>({ items, ...page }: Listed<T>): Outcome => done(items, { page })

/** Rounds a duration to microseconds. */
export const roundMs = (ms: number): number => Math.round(ms * 1000) / 1000
