import type { Analysis, Permission } from '../authorizer/authorizer.ts'
import type { StatementInput } from '../calls/call.ts'

const MAY_LOSE = /\b(delete|drop|replace)\b/i

/** The checks of a statement before it runs. */
interface Checks {
  /** @throws PerSQLError */
  prepare(input: StatementInput, permission: Permission): Analysis
  /** @throws PerSQLError */
  checkLock(analysis: Analysis): void
}

/** Reports the destructive ones of these statements to `losing`, before the first of them runs. */
export function precheckDestructive(
  inputs: readonly StatementInput[],
  permission: Permission,
  engine: Checks,
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
