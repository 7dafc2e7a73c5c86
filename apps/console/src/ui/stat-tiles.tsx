import type { ReactNode } from 'react'
import { classes } from './class-names.ts'
import { Skeleton } from './skeleton.tsx'

/** Statistics in a grid, each with its name. */
export const Tiles = ({ className, children }: { className?: string; children: ReactNode }) => (
  <dl className={classes('grid grid-cols-2 gap-3', className)}>{children}</dl>
)

/** A statistic of `Tiles`, or a gray bar while it loads. */
export const Tile = ({ name, children }: { name: string; children: ReactNode }) => (
  <div className="grid content-start gap-1 rounded-card border border-line bg-surface p-4">
    <dt className="text-sm text-muted">{name}</dt>
    <dd className="text-lg font-semibold tabular-nums">{children || <Skeleton className="h-7 w-16" />}</dd>
  </div>
)
