import type { ReactNode } from 'react'
import { classes } from './class-names.ts'

const TONES = {
  neutral: 'bg-sunken text-muted',
  accent: 'bg-accent-soft text-accent-strong',
  success: 'bg-success-soft text-success',
  warning: 'bg-warning-soft text-warning',
  danger: 'bg-danger-soft text-danger-strong',
}

/** A state as a short label. The text always names the state, so the color isn't the only cue. */
export const Badge = ({ tone = 'neutral', children }: { tone?: keyof typeof TONES; children: ReactNode }) => (
  <span
    className={classes(
      'inline-flex max-w-full items-center gap-1 rounded-full px-2 py-0.5 text-xs font-medium wrap-break-word ring-1 ring-current/25 ring-inset',
      TONES[tone],
    )}
  >
    {children}
  </span>
)
