interface ProgressBarProps {
  label: string
  value: number
  /** `null` if the total is unknown. */
  max: number | null
  /** The progress as text. */
  text: string
}

/** A progress bar with its label. */
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
