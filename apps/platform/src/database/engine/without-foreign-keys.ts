import { PerSQLError } from '@persql/contract'
import type { DatabaseCall, Grant } from '../calls/call.ts'
import type { Outcome } from '../calls/outcome.ts'
import type { AutoSnapshotter } from '../versions/snapshots/auto-snapshotter.ts'
import type { Engine } from './engine.ts'

/** Runs work while no other call is served and foreign keys are off; `changes` says whether it changes something. */
export type Alone = <T>(work: () => Promise<T>, changes?: boolean) => Promise<T>

/** Bills a call and saves its answer, at the end of the transaction that it ran in. */
export type Settle = (call: DatabaseCall, outcome: Outcome, startedMs: number) => void

/** The services that such a call uses. */
export interface TurnWithoutForeignKeys {
  readonly engine: Engine
  readonly keeper: AutoSnapshotter
  readonly alone: Alone
  readonly settle: Settle
  /** Whether a caller is still admitted. */
  readonly admits: (grant: Grant) => boolean
}

/**
 * Runs a call with foreign keys off while no other call is served, and settles the call in the turn that it runs in.
 * @param changes whether what it does stays
 * @throws PerSQLError `token_unknown` when the token ended before the call had its turn
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
    // Other calls were served before this one had its turn.
    keeper.begin(call.kept)
    engine.begin(true)
    const outcome = engine.runExclusive(run)
    settle(call, outcome, startedMs)
    return outcome
  }, changes)
}
