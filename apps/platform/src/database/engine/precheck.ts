import type { Analysis, Permission } from '../authorizer/authorizer.ts'
import type { StatementInput } from '../calls/call.ts'
import type { Engine } from './engine.ts'

const MAY_LOSE = /\b(delete|drop|replace)\b/i

/** Reports the destructive ones of these statements to `losing`, before the first of them runs. */
export function precheckDestructive(
  inputs: readonly StatementInput[],
  permission: Permission,
  engine: Pick<Engine, 'prepare' | 'checkLock'>,
  losing: (analysis: Analysis) => void,
): void {
  if (!inputs.some(({ sql }) => MAY_LOSE.test(sql))) return
  for (const input of inputs) {
    let analysis: Analysis
    try {
      analysis = engine.prepare(input, permission)
    } catch {
      // The statement depends on an earlier one, so it can't delete existing data, or it will be refused.
      continue
    }
    // A refused statement needs no snapshot.
    engine.checkLock(analysis)
    if (analysis.loss) losing(analysis)
  }
}
