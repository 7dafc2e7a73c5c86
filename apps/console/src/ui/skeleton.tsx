import { classes } from './class-names.ts'

/** A placeholder for a text that loads. */
export const Skeleton = ({ className = 'h-4 w-full' }: { className?: string }) => (
  <span aria-hidden className={classes('block animate-shimmer rounded bg-line/70', className)} />
)

/** A placeholder for a list or table that loads. */
export const SkeletonRows = ({ rows = 3, label = 'Loading' }: { rows?: number; label?: string }) => (
  <div role="status" className="grid gap-3 p-4">
    <span className="sr-only">{label}</span>
    {Array.from({ length: rows }, (_, row) => (
      // biome-ignore lint/suspicious/noArrayIndexKey: all rows are identical
      <Skeleton key={row} className="h-6 w-full" />
    ))}
  </div>
)
