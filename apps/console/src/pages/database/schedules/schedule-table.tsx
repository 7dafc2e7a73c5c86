import type { Schedule } from '@persql/contract'
import { useCan } from '../../../shell/membership.ts'
import { Badge } from '../../../ui/badge.tsx'
import { formatAgo, formatCount, formatMoment, formatMs } from '../../../ui/format.ts'
import { MenuItem } from '../../../ui/menu.tsx'
import { RowMenu } from '../../../ui/row-menu.tsx'
import { Table } from '../../../ui/table.tsx'
import { intervalText } from './interval.ts'

interface ScheduleTableProps {
  schedules: readonly Schedule[]
  onRun: (schedule: Schedule) => void
  onEdit: (schedule: Schedule) => void
  onPause: (schedule: Schedule) => void
  onDelete: (schedule: Schedule) => void
}

/** A table of schedules, with their next run and the result of the last one. */
export function ScheduleTable({ schedules, onRun, onEdit, onPause, onDelete }: ScheduleTableProps) {
  const may = useCan('editor')
  return (
    <Table
      label="Schedules"
      rows={schedules}
      getKey={({ id }) => id}
      columns={[
        {
          name: 'Name',
          cell: ({ name, sql, enabled }) => (
            <span className="grid gap-1">
              <span className="flex flex-wrap items-center gap-2">
                {name}
                {!enabled && <Badge tone="warning">Paused</Badge>}
              </span>
              <code className="line-clamp-2 max-w-80 text-sm font-normal break-words text-muted">{sql}</code>
            </span>
          ),
        },
        { name: 'Runs', cell: ({ intervalSec }) => intervalText(intervalSec) },
        { name: 'Next run', cell: ({ nextRunAt }) => (nextRunAt ? formatMoment(nextRunAt) : '–') },
        { name: 'Last run', cell: (schedule) => <LastRun {...schedule} /> },
        {
          name: 'Actions',
          isUnnamed: true,
          isNumber: true,
          cell: (schedule) =>
            may && (
              <RowMenu of={schedule.name}>
                <MenuItem onSelect={() => onRun(schedule)}>Run now</MenuItem>
                <MenuItem onSelect={() => onEdit(schedule)}>Edit</MenuItem>
                <MenuItem onSelect={() => onPause(schedule)}>{schedule.enabled ? 'Pause' : 'Resume'}</MenuItem>
                <MenuItem tone="danger" onSelect={() => onDelete(schedule)}>
                  Delete
                </MenuItem>
              </RowMenu>
            ),
        },
      ]}
    />
  )
}

function LastRun({ lastRunAt, lastStatus, lastError, lastDurationMs, lastRowsWritten }: Schedule) {
  if (!lastRunAt) return <span className="text-muted">Never</span>
  return (
    <span className="grid max-w-80 gap-1">
      <span className="flex flex-wrap items-center gap-2">
        <Badge tone={lastStatus === 'ok' ? 'success' : 'danger'}>{lastStatus === 'ok' ? 'Succeeded' : 'Failed'}</Badge>
        {formatAgo(lastRunAt)}
      </span>
      <span className="text-sm break-words text-muted">
        {lastError ?? `${formatCount(lastRowsWritten ?? 0, 'row')} written in ${formatMs(lastDurationMs ?? 0)}`}
      </span>
    </span>
  )
}
