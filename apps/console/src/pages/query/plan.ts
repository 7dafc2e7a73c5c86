/** A step of a query plan, as it is answered. */
export interface PlanStep {
  id: number
  parent: number
  detail: string
}

/** A step with those within it. */
export interface Branch extends PlanStep {
  within: Branch[]
}

/** The steps of a plan as a tree. */
export function treeOf(plan: readonly PlanStep[]): Branch[] {
  const branches = new Map(plan.map((step) => [step.id, { ...step, within: [] as Branch[] }]))
  const roots: Branch[] = []
  for (const branch of branches.values()) {
    const siblings = branches.get(branch.parent)?.within ?? roots
    siblings.push(branch)
  }
  return roots
}

/** Whether a step looks at all rows there are: what an index would help. */
export const isFullScan = ({ detail }: PlanStep): boolean => /^SCAN (?!CONSTANT)/.test(detail) && !/USING/.test(detail)
