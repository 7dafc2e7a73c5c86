import type { Params } from '../calls/values.ts'

/** An error of the libSQL protocol, in the place of a result. */
export interface LibsqlError {
  readonly message: string
  /** SQLite's result code, or a code of the protocol. */
  readonly code: string
  /** SQLite's extended result code, or the code of a refusal by PerSQL. */
  readonly extended_code?: string
}

/** A statement to run. */
export interface LibsqlStatement {
  readonly sql: string
  readonly params: Params
  readonly wantsRows: boolean
  /** The error that it results in, if it can't run. */
  readonly refusal?: LibsqlError
}

/** A condition of a step. Steps are counted from 0, and only earlier ones can be named. */
export type Condition =
  | { readonly type: 'ok' | 'error'; readonly step: number }
  | { readonly type: 'not'; readonly cond: Condition }
  | { readonly type: 'and' | 'or'; readonly conds: readonly Condition[] }
  | { readonly type: 'is_autocommit' }

/** A step of a batch. It is skipped if its condition isn't met. */
export interface Step {
  readonly statement: LibsqlStatement
  readonly condition: Condition | undefined
}

/** A request of a pipeline or of a WebSocket, with stored SQL already in its place. */
export type StreamRequest =
  | { readonly type: 'execute'; readonly statement: LibsqlStatement }
  | { readonly type: 'batch' | 'open_cursor'; readonly steps: readonly Step[] }
  | { readonly type: 'sequence' | 'describe'; readonly sql: string }
  | { readonly type: 'store_sql'; readonly refusal: LibsqlError | undefined }
  | { readonly type: 'close_sql' | 'get_autocommit' | 'close' }

/** Returns whether a step runs. `isAutocommit` says whether no transaction is open. */
export function isMet(
  condition: Condition,
  outcomes: readonly ('ok' | 'error' | 'skipped')[],
  isAutocommit: boolean,
): boolean {
  switch (condition.type) {
    case 'ok':
    case 'error':
      return outcomes[condition.step] === condition.type
    case 'not':
      return !isMet(condition.cond, outcomes, isAutocommit)
    case 'and':
      return condition.conds.every((each) => isMet(each, outcomes, isAutocommit))
    case 'or':
      return condition.conds.some((each) => isMet(each, outcomes, isAutocommit))
    case 'is_autocommit':
      return isAutocommit
  }
}
