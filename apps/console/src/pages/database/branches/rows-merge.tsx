import type { MergeReport } from '@persql/contract'
import { Field } from '../../../ui/field.tsx'
import { formatNumber } from '../../../ui/format.ts'
import { Select } from '../../../ui/input.tsx'
import { Card } from '../../../ui/page.tsx'
import { Table } from '../../../ui/table.tsx'
import { ApplyMerge, type MergePlan } from './apply-merge.tsx'
import { SideBySide } from './side-by-side.tsx'

type Conflict = MergeReport['data']['conflicts'][number]

const SIDES = [
  ['abort', 'nothing is merged'],
  ['branch', "the branch's row stays"],
  ['parent', "the parent's row stays"],
] as const

/** Rows of the branch that come into the parent, and whose row stays where both have one. */
export function RowsMerge({ onSide, ...plan }: MergePlan & { onSide: (side: MergePlan['side']) => void }) {
  const { tables, conflicts } = plan.report.data
  const isOpen = conflicts.some(({ reason }) => reason !== 'differs' || plan.side === 'abort')
  const hasChanges = tables.some(({ inserted, updated }) => inserted + updated > 0)
  return (
    <Card title="Rows">
      {tables.length === 0 && <p className="text-muted">The branch has no rows: there is nothing to merge.</p>}
      {tables.length > 0 && (
        <Table
          label="Rows by table"
          rows={tables}
          keyOf={({ table }) => table}
          columns={[
            { name: 'Table', cell: ({ table }) => <span className="break-all">{table}</span> },
            { name: 'New', isNumber: true, cell: ({ inserted }) => formatNumber(inserted) },
            { name: 'Changed', isNumber: true, cell: ({ updated }) => formatNumber(updated) },
            { name: 'The same', isNumber: true, isExtra: true, cell: ({ unchanged }) => formatNumber(unchanged) },
            { name: 'Conflicts', isNumber: true, cell: (row) => formatNumber(row.conflicts) },
          ]}
        />
      )}
      {tables.length > 0 && (
        <Field label="Where both have a row that differs">
          {(control) => (
            <Select
              {...control}
              value={plan.side}
              onChange={({ target }) => onSide(target.value as MergePlan['side'])}
              className="sm:max-w-xs"
            >
              {SIDES.map(([side, name]) => (
                <option key={side} value={side}>
                  {name}
                </option>
              ))}
            </Select>
          )}
        </Field>
      )}
      {conflicts.map((conflict) => (
        <RowConflict
          key={`${conflict.table} ${JSON.stringify(conflict.key)} ${conflict.message}`}
          conflict={conflict}
        />
      ))}
      <ApplyMerge {...plan} mode="data" disabled={isOpen || !hasChanges} />
      {isOpen && <p className="text-sm text-muted">Rows cannot be merged while conflicts are open.</p>}
    </Card>
  )
}

function RowConflict({ conflict: { table, key, message, parent, branch } }: { conflict: Conflict }) {
  const text = (row: Conflict['key'] | undefined) => (row ? JSON.stringify(row, null, 1) : null)
  return (
    <SideBySide
      title={key ? `${table} ${JSON.stringify(key)}` : table}
      reason={message}
      sides={[
        ['parent', text(parent)],
        ['branch', text(branch)],
      ]}
    />
  )
}
