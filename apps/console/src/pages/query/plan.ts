/** A step of a query plan, as the API returns it. */
export interface PlanStep {
  id: number
  parent: number
  detail: string
}

/** A step with its nested steps. */
export interface Branch extends PlanStep {
  within: Branch[]
}

/** Builds the tree from the steps of a plan. */
export function buildPlanTree(plan: readonly PlanStep[]): Branch[] {
  const branches = new Map(plan.map((step) => [step.id, { ...step, within: [] as Branch[] }]))
  const roots: Branch[] = []
  for (const branch of branches.values()) {
    const siblings = branches.get(branch.parent)?.within ?? roots
    siblings.push(branch)
  }
  return roots
}

/** Returns whether a step reads all rows, so that an index could help. */
export const isFullScan = ({ detail }: PlanStep): boolean => /^SCAN (?!CONSTANT)/.test(detail) && !/USING/.test(detail)
