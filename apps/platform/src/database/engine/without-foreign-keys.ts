import { PerSQLError } from '@persql/contract'
import type { DatabaseCall, Grant } from '../calls/call.ts'
import type { Outcome } from '../calls/outcome.ts'
import type { AutoSnapshotter } from '../versions/snapshots/auto-snapshotter.ts'
import type { Engine } from './engine.ts'

/** Runs work with exclusive access and foreign keys off; `changes` says whether it changes data. */
export type Alone = <T>(work: () => Promise<T>, changes?: boolean) => Promise<T>

/** Bills a call and saves its response, at the end of its transaction. */
export type Settle = (call: DatabaseCall, outcome: Outcome, startedMs: number) => void

/** The services that a call without foreign keys uses. */
export interface TurnWithoutForeignKeys {
  readonly engine: Engine
  readonly keeper: AutoSnapshotter
  readonly alone: Alone
  readonly settle: Settle
  /** Returns whether the caller still has access. */
  readonly admits: (grant: Grant) => boolean
}

/**
 * Runs a call with exclusive access and foreign keys off, and settles it in the same turn.
 * @param changes whether its changes stay
 * @throws PerSQLError `token_unknown` if the token ended while the call waited
 */
export function withoutForeignKeys(
  call: DatabaseCall,
  { alone, admits, keeper, engine, settle }: TurnWithoutForeignKeys,
  changes: boolean,
  run: () => Outcome,
): Promise<Outcome> {
  return alone(async () => {
    if (!admits(call.grant)) throw new PerSQLError('token_unknown')
    const startedMs = performance.now()
    // Other calls ran while this one waited.
    keeper.begin(call.kept)
    engine.begin(true)
    const outcome = engine.runExclusive(run)
    settle(call, outcome, startedMs)
    return outcome
  }, changes)
}
