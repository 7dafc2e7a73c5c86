import type { MigrationTrial } from '@persql/contract'
import { CircleCheck, CircleX } from 'lucide-react'
import { formatNumber } from '../../../ui/format.ts'
import { Card } from '../../../ui/page.tsx'
import { Table } from '../../../ui/table.tsx'
import { FailedStatement } from './failed-statement.tsx'

/** The result of a dry run: each statement, and the changes to the schema. */
export function DryRunResult({ trial, sql }: { trial: MigrationTrial; sql: string }) {
  const failed = trial.statements.find(({ error }) => error)
  const failure = failed?.error ? { ...failed.error, failedStatement: failed } : trial.error
  return (
    <Card title={trial.ok ? 'Dry run passed' : 'Dry run failed'}>
      <p role="status" className="text-muted">
        Everything was rolled back. The database is unchanged.
      </p>
      {failure && <FailedStatement sql={sql} failure={failure} />}
      <Table
        label="Result per statement"
        rows={trial.statements}
        getKey={({ number }) => number}
        columns={[
          {
            name: 'Line',
            cell: ({ line, error }) => (
              <span className="flex items-center gap-2">
                {error ? (
                  <CircleX aria-label="Failed" className="size-4 text-danger" />
                ) : (
                  <CircleCheck aria-label="Passed" className="size-4 text-success" />
                )}
                {line}
              </span>
            ),
          },
          {
            name: 'Statement',
            cell: ({ text }) => <code className="font-mono text-sm wrap-anywhere max-sm:text-left">{text}</code>,
          },
          { name: 'Rows read', isNumber: true, isExtra: true, cell: ({ rowsRead }) => formatNumber(rowsRead) },
          { name: 'Rows written', isNumber: true, cell: ({ rowsWritten }) => formatNumber(rowsWritten) },
        ]}
      />
      {trial.ok && trial.rows.length > 0 && <RowDifference rows={trial.rows} />}
      {trial.ok && <SchemaDifference schema={trial.schema} />}
    </Card>
  )
}

function RowDifference({ rows }: Pick<MigrationTrial, 'rows'>) {
  const number = (value: number | null) => (value === null ? '–' : formatNumber(value))
  return (
    <Table
      label="Row changes"
      rows={rows}
      getKey={({ table }) => table}
      columns={[
        { name: 'Table', cell: ({ table }) => <span className="wrap-anywhere">{table}</span> },
        { name: 'Rows before', isNumber: true, cell: ({ before }) => number(before) },
        { name: 'Rows after', isNumber: true, cell: ({ after }) => number(after) },
        {
          name: 'Changed',
          isNumber: true,
          isExtra: true,
          cell: ({ changes }) => (changes === null ? 'Unknown' : formatNumber(changes)),
        },
      ]}
    />
  )
}

function SchemaDifference({ schema }: { schema: MigrationTrial['schema'] }) {
  const parts = [
    ['Added', '+', schema.added],
    ['Changed', '~', schema.changed],
    ['Removed', '−', schema.removed],
  ] as const
  if (parts.every(([, , objects]) => objects.length === 0)) return <p>No schema changes.</p>
  return (
    <dl className="grid gap-3 sm:grid-cols-3">
      {parts.map(([name, sign, objects]) => (
        <div key={name} className="grid content-start gap-1">
          <dt className="font-medium">{name}</dt>
          {objects.length === 0 && <dd className="text-muted">None</dd>}
          {objects.map((object) => (
            <dd key={`${object.type} ${object.name}`} className="font-mono text-sm wrap-anywhere">
              {sign} {object.type} {object.name}
            </dd>
          ))}
        </div>
      ))}
    </dl>
  )
}
