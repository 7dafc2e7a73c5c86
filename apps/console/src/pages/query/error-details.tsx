import type { SqlErrorDetail } from '@persql/sdk'
import { capitalize } from '../../ui/format.ts'

/** The details of an SQL error. */
export function ErrorFacts({ detail }: { detail: SqlErrorDetail }) {
  const facts = [
    ['Type', capitalize(detail.kind)],
    ['Near', detail.near],
    ['Table', detail.table],
    ['Column', detail.column ?? detail.columns?.map(({ table, column }) => `${table}.${column}`).join(', ')],
    ['Constraint', detail.constraint],
  ].filter(([, value]) => value)
  return (
    <dl className="grid grid-cols-[auto_1fr] gap-x-6 gap-y-1 text-sm">
      {facts.map(([name, value]) => (
        <div key={name} className="col-span-2 grid grid-cols-subgrid">
          <dt className="text-muted">{name}</dt>
          <dd className="font-mono wrap-anywhere">{value}</dd>
        </div>
      ))}
    </dl>
  )
}
