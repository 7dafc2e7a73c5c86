import type { ReactNode } from 'react'

interface EmptyStateProps {
  title: string
  /** What would be here, what it is good for, and how to get the first. */
  children: ReactNode
  action?: ReactNode
}

/** Where there is nothing yet: teaches what could be. */
export const EmptyState = ({ title, children, action }: EmptyStateProps) => (
  <div className="grid justify-items-center gap-3 rounded-card border border-dashed border-line-strong/60 px-6 py-12 text-center">
    <h2 className="text-lg font-semibold">{title}</h2>
    <div className="max-w-prose text-muted">{children}</div>
    {action}
  </div>
)
