import type { MergeReport } from '@persql/contract'
import { Field } from '../../../ui/field.tsx'
import { formatCount, formatNumber } from '../../../ui/format.ts'
import { Select } from '../../../ui/input.tsx'
import { Card } from '../../../ui/page.tsx'
import { Table } from '../../../ui/table.tsx'
import { ApplyMerge, type MergePlan } from './apply-merge.tsx'
import { RowDeletions } from './deleted-rows.tsx'
import { SideBySide } from './side-by-side.tsx'

type Conflict = MergeReport['data']['conflicts'][number]

const SIDES = [
  ['abort', 'Stop the merge'],
  ['branch', 'Use the branch'],
  ['parent', 'Use the parent'],
] as const

/** The rows that the merge adds, changes or deletes in the parent, and the choice of the side that wins conflicts. */
export function MergeRowsCard({ onSide, ...plan }: MergePlan & { onSide: (side: MergePlan['side']) => void }) {
  const { tables, conflicts, deletions, schemaFirst = [] } = plan.report.data
  const isOpen = conflicts.some(({ reason }) => isOpenBy(reason, plan.side))
  const count = tables.reduce((sum, row) => sum + row.conflicts, 0)
  const hasChanges = tables.some(({ inserted, updated, deleted }) => inserted + updated + deleted > 0)
  return (
    <Card title="Rows">
      {tables.length === 0 && <p className="text-muted">The branch has no row changes to merge.</p>}
      {tables.length > 0 && (
        <Table
          label="Rows by table"
          rows={tables}
          getKey={({ table }) => table}
          columns={[
            { name: 'Table', cell: ({ table }) => <span className="wrap-anywhere">{table}</span> },
            { name: 'New', isNumber: true, cell: ({ inserted }) => formatNumber(inserted) },
            { name: 'Changed', isNumber: true, cell: ({ updated }) => formatNumber(updated) },
            { name: 'Deleted', isNumber: true, cell: ({ deleted }) => formatNumber(deleted) },
            { name: 'Unchanged', isNumber: true, isExtra: true, cell: ({ unchanged }) => formatNumber(unchanged) },
            { name: 'Conflicts', isNumber: true, cell: (row) => formatNumber(row.conflicts) },
          ]}
        />
      )}
      {tables.length > 0 && (
        <Field label="If both sides changed a row">
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
          winner={isOpenBy(conflict.reason, plan.side) ? undefined : plan.side}
        />
      ))}
      {conflicts.length < count && (
        <p className="text-sm text-muted">
          Showing the first {formatNumber(conflicts.length)} of {formatNumber(count)} conflicts.
        </p>
      )}
      <RowDeletions
        parent={plan.db}
        deletions={deletions}
        count={tables.reduce((sum, { deleted }) => sum + deleted, 0)}
      />
      <ApplyMerge {...plan} mode="data" disabled={isOpen || !hasChanges || schemaFirst.length > 0} />
      {schemaFirst.length > 0 && (
        <p className="text-sm text-muted">
          Merge the schema first. The rows of these tables depend on it: {schemaFirst.slice(0, 5).join(', ')}
          {schemaFirst.length > 5 && ` and ${formatCount(schemaFirst.length - 5, 'more table')}`}.
        </p>
      )}
      {isOpen && <p className="text-sm text-muted">Resolve all conflicts before you merge rows.</p>}
    </Card>
  )
}

/** Returns whether choosing a side resolves a conflict. The server applies the same rules. */
const isSettled = (reason: Conflict['reason'], side: 'branch' | 'parent'): boolean => {
  if (['differs', 'deleted_in_branch', 'deleted_in_parent'].includes(reason)) return true
  return side === 'parent' && ['constraint', 'null_key', 'no_primary_key'].includes(reason)
}

const isOpenBy = (reason: Conflict['reason'], side: MergePlan['side']): boolean =>
  side === 'abort' || !isSettled(reason, side)

interface RowConflictProps {
  conflict: Conflict
  /** The side whose row is used, once chosen. */
  winner: MergePlan['side'] | undefined
}

function RowConflict({ conflict: { table, key, message, parent, branch }, winner }: RowConflictProps) {
  const text = (row: Conflict['key'] | undefined) => (row ? JSON.stringify(row, null, 1) : null)
  return (
    <SideBySide
      title={key ? `${table} ${JSON.stringify(key)}` : table}
      reason={message}
      sides={[
        [winner === 'parent' ? 'Parent (used)' : 'Parent', text(parent)],
        [winner === 'branch' ? 'Branch (used)' : 'Branch', text(branch)],
      ]}
    />
  )
}
