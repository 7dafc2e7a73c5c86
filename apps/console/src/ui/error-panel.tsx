import { PerSQLError } from '@persql/sdk'
import { CircleAlert } from 'lucide-react'
import { Badge } from './badge.tsx'
import { Button } from './button.tsx'
import { canRetry } from './can-retry.ts'
import { getHint, nextStep } from './next-step.ts'

interface ErrorPanelProps {
  error: unknown
  /** Replaces the server's message. */
  message?: string | undefined
  /** Retries the failed call. Offered only if a retry can help. */
  onRetry?: () => void
}

/** A failure: the message, the next step and the error code. */
export function ErrorPanel({ error, message, onRetry }: ErrorPanelProps) {
  const known = error instanceof PerSQLError
  const hint = known && getHint(error.detail)
  const step = hint ? '' : nextStep(error)
  return (
    <div role="alert" className="flex gap-3 rounded-card border border-danger/40 bg-danger-soft p-4">
      <CircleAlert aria-hidden className="mt-0.5 size-5 shrink-0 text-danger" />
      <div className="grid min-w-0 justify-items-start gap-2">
        <p className="font-medium break-words">
          {known ? (message ?? error.message) : 'The console ran into an error.'}
        </p>
        {hint && <p className="break-words">{hint}</p>}
        {step && <p className="text-sm">{step}</p>}
        <Badge tone="danger">{known ? error.code : String(error).slice(0, 120)}</Badge>
        {onRetry && (!known || canRetry(error)) && (
          <Button size="small" onClick={onRetry}>
            Try again
          </Button>
        )}
      </div>
    </div>
  )
}
