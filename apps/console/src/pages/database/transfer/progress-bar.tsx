interface ProgressBarProps {
  label: string
  value: number
  /** `null`: nobody knows how much there is. */
  max: number | null
  /** How far it is, in words. */
  text: string
}

/** How far long work is. */
export const ProgressBar = ({ label, value, max, text }: ProgressBarProps) => (
  <div className="grid gap-1.5">
    <p role="status" className="text-sm font-medium">
      {label}
    </p>
    <progress
      aria-label={label}
      className="h-2 w-full accent-accent"
      {...(max !== null && { value: Math.min(value, max), max: Math.max(max, 1) })}
    />
    <p className="text-sm text-muted tabular-nums">{text}</p>
  </div>
)
