import type { ReactNode } from 'react'

interface EmptyStateProps {
  title: string
  /** The purpose of the missing objects and how to create the first. */
  children: ReactNode
  action?: ReactNode
}

/** The placeholder for an empty list. */
export const EmptyState = ({ title, children, action }: EmptyStateProps) => (
  <div className="grid justify-items-center gap-3 rounded-card border border-dashed border-line-strong/60 px-6 py-12 text-center">
    <h2 className="text-lg font-semibold">{title}</h2>
    <div className="max-w-prose text-muted">{children}</div>
    {action}
  </div>
)
