import { PerSQLError } from '@persql/contract'
import type { DatabaseCall } from './call.ts'
import type { Parts } from './operations.ts'
import type { Outcome } from './outcome.ts'

/**
 * Runs a call with foreign keys off while no other call is served, and settles the call in the turn that it runs in.
 * @param changes whether what it does stays
 * @throws PerSQLError `token_unknown` when the token ended before the call had its turn
 */
export function withoutForeignKeys(
  call: DatabaseCall,
  { alone, admits, keeper, engine, settle }: Parts,
  changes: boolean,
  run: () => Outcome,
): Promise<Outcome> {
  return alone(async () => {
    if (!admits(call.grant)) throw new PerSQLError('token_unknown')
    const startedMs = performance.now()
    // Other calls were served before this one had its turn.
    keeper.begin(call.kept)
    engine.begin(true)
    const outcome = engine.alone(run)
    settle(call, outcome, startedMs)
    return outcome
  }, changes)
}
