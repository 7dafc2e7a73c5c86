import type { Api, Output } from '@persql/contract'
import { actorName } from '../../../shell/actor-names.ts'
import { formatAgo, formatMoment } from '../../../ui/format.ts'
import { Table } from '../../../ui/table.tsx'
import { targetName } from './categories.ts'

type Entry = Output<Api['list_audit']>[number]

interface AuditTableProps {
  entries: readonly Entry[]
  /** Names of users and tokens by ID. */
  names: ReadonlyMap<string, string>
}

/** Audit events. Each one expands to show its details. */
export const AuditTable = ({ entries, names }: AuditTableProps) => (
  <Table
    label="Audit log"
    rows={entries}
    getKey={({ id }) => id}
    columns={[
      { name: 'Action', cell: (entry) => <What entry={entry} names={names} /> },
      { name: 'User', cell: ({ actor }) => <span className="wrap-anywhere">{actorName(actor, names)}</span> },
      {
        name: 'Time',
        isExtra: true,
        cell: ({ at }) => (
          <time dateTime={at} title={formatMoment(at)} className="whitespace-nowrap">
            {formatAgo(at)}
          </time>
        ),
      },
    ]}
  />
)

function What({ entry, names }: { entry: Entry; names: AuditTableProps['names'] }) {
  const { id, at, actor, action, target, detail } = entry
  const all = { ...detail, target, actor, at: formatMoment(at), entry: id }
  return (
    <details>
      <summary className="cursor-pointer">
        <span className="font-mono text-sm">{action}</span>{' '}
        <span className="font-normal wrap-anywhere text-muted">{targetName(target, names)}</span>
      </summary>
      <dl className="mt-2 grid grid-cols-[auto_1fr] gap-x-4 gap-y-1 text-sm font-normal">
        {Object.entries(all).map(([name, value]) => (
          <div key={name} className="contents">
            <dt className="text-muted">{name}</dt>
            <dd className="font-mono wrap-anywhere">{typeof value === 'string' ? value : JSON.stringify(value)}</dd>
          </div>
        ))}
      </dl>
    </details>
  )
}
