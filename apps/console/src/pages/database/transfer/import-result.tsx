import type { Api, Output } from '@persql/contract'
import { PerSQLError } from '@persql/sdk'
import { CodeBlock } from '../../../ui/code-block.tsx'
import { ErrorPanel } from '../../../ui/error-panel.tsx'
import { formatBytes, formatCount, formatMs } from '../../../ui/format.ts'

/** The result of an import. */
export const ImportResult = ({ result }: { result: Output<Api['import_database']> }) => (
  <div role="status" className="grid gap-1 rounded-card border border-line bg-success-soft p-4">
    <p className="font-medium">
      Imported {formatCount(result.rows, 'row')}
      {result.tables.length > 0 && ` into ${result.tables.join(', ')}`}.
    </p>
    <p className="text-sm text-muted">
      {formatBytes(result.bytes)}, {formatCount(result.statements, 'statement')}. Other requests waited{' '}
      {formatMs(result.durationMs)}.
    </p>
  </div>
)

/** The error of an import that changed nothing, with the line of the file that caused it. */
export function ImportFailure({ error }: { error: Error }) {
  const { line, statement } = error instanceof PerSQLError ? error.body : {}
  return (
    <div className="grid gap-3">
      <ErrorPanel error={error} />
      {typeof statement === 'string' && <CodeBlock label={`Line ${line} of the file`} code={statement} />}
      <p className="text-sm text-muted">Nothing was imported.</p>
    </div>
  )
}
