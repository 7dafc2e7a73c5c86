import { getHint } from '../../../ui/next-step.ts'

interface FailedStatementProps {
  sql: string
  failure: {
    code: string
    error: string
    errorDetail?: { hint?: string | undefined } | undefined
    failedStatement?: { number: number; line: number } | undefined
  }
}

/** The error of a migration, with the lines that caused it. */
export function FailedStatement({ sql, failure }: FailedStatementProps) {
  const { error, errorDetail, failedStatement } = failure
  const hint = getHint(errorDetail)
  const lines = sql.split('\n')
  const first = failedStatement?.line ?? 0
  return (
    <section role="alert" className="grid gap-2 rounded-card border border-danger/40 bg-danger-soft p-4">
      <p className="font-medium break-words">
        {failedStatement && `Statement ${failedStatement.number}, line ${first}: `}
        {error}
      </p>
      {hint && <p className="text-sm">{hint}</p>}
      {failedStatement && (
        <pre className="overflow-hidden font-mono text-sm break-words whitespace-pre-wrap">
          {lines
            .slice(Math.max(0, first - 2), first + 3)
            .map(
              (line, index) =>
                `${Math.max(1, first - 1) + index}${Math.max(1, first - 1) + index === first ? ' ▸ ' : '   '}${line}`,
            )
            .join('\n')}
        </pre>
      )}
      <p className="text-sm">Nothing was changed. Fix the statement, save, and try again.</p>
    </section>
  )
}
