import type { Api, Database, Output } from '@persql/contract'
import { Copy, Trash2 } from 'lucide-react'
import { Link } from 'react-router'
import { useCan } from '../../shell/membership.ts'
import { databasePath } from '../../shell/paths.ts'
import { useSort } from '../../shell/use-sort.ts'
import { Badge } from '../../ui/badge.tsx'
import { formatAgo, formatCompact } from '../../ui/format.ts'
import { MenuItem } from '../../ui/menu.tsx'
import { RowMenu } from '../../ui/row-menu.tsx'
import { Skeleton } from '../../ui/skeleton.tsx'
import { Table } from '../../ui/table.tsx'
import { LastUse, Rows, requestsByDatabase, SizeCell } from './database-cells.tsx'
import { StatusBadge } from './status-badge.tsx'

interface DatabaseTableProps {
  ns: string
  databases: readonly Database[]
  /** `undefined` while it loads. */
  usage: Output<Api['get_usage']> | undefined
  onFork: (slug: string) => void
  onDelete: (slug: string) => void
}

/** A table of databases with their size and usage. */
export function DatabaseTable({ ns, databases, usage, onFork, onDelete }: DatabaseTableProps) {
  const mayFork = useCan('editor')
  const mayDelete = useCan('admin')
  const [sort, onSort] = useSort({ by: 'name', isDown: false })
  const requests = usage && requestsByDatabase(usage)
  return (
    <Table
      label="Databases"
      rows={databases}
      getKey={({ id }) => id}
      sort={sort}
      onSort={onSort}
      columns={[
        {
          name: 'Name',
          sort: { id: 'name', value: ({ slug }) => slug },
          cell: (database) => <Name ns={ns} {...database} />,
        },
        {
          name: 'Size',
          isNumber: true,
          sort: { id: 'size', value: ({ storedBytes }) => storedBytes, startsDown: true },
          cell: (database) => <SizeCell {...database} />,
        },
        {
          name: 'Rows',
          isNumber: true,
          isExtra: true,
          sort: { id: 'rows', value: ({ rows }) => rows, startsDown: true },
          cell: (database) => <Rows {...database} isShort />,
        },
        {
          name: 'Requests (30 days)',
          isNumber: true,
          isExtra: true,
          sort: { id: 'requests', value: ({ slug }) => requests?.get(slug) ?? 0, startsDown: true },
          cell: ({ slug }) =>
            requests ? formatCompact(requests.get(slug) ?? 0) : <Skeleton className="ml-auto h-5 w-10" />,
        },
        {
          name: 'Last used',
          sort: { id: 'used', value: ({ lastUsedAt }) => lastUsedAt, startsDown: true },
          cell: (database) => (
            <span className="sm:whitespace-nowrap">
              <LastUse {...database} />
            </span>
          ),
        },
        {
          name: 'Created',
          isExtra: true,
          sort: { id: 'made', value: ({ createdAt }) => createdAt, startsDown: true },
          cell: ({ createdAt }) => <span className="whitespace-nowrap">{formatAgo(createdAt)}</span>,
        },
        {
          name: 'Actions',
          isUnnamed: true,
          isNumber: true,
          cell: ({ slug }) =>
            mayFork && (
              <RowMenu of={slug}>
                <MenuItem onSelect={() => onFork(slug)}>
                  <Copy aria-hidden className="size-4" />
                  Fork with data
                </MenuItem>
                {mayDelete && (
                  <MenuItem tone="danger" onSelect={() => onDelete(slug)}>
                    <Trash2 aria-hidden className="size-4" />
                    Delete
                  </MenuItem>
                )}
              </RowMenu>
            ),
        },
      ]}
    />
  )
}

const Name = ({ ns, slug, branchRef, forkedFrom, status, expiresAt }: Database & { ns: string }) => (
  <span className="flex min-w-24 flex-wrap items-center gap-2">
    <Link className="break-all text-accent underline-offset-2 hover:underline" to={databasePath(ns, slug)}>
      {slug}
    </Link>
    {branchRef !== null && <Badge tone="accent">Branch of {forkedFrom?.slug}</Badge>}
    {status !== 'healthy' && <StatusBadge status={status} />}
    {expiresAt && <Badge>Expires {formatAgo(expiresAt)}</Badge>}
  </span>
)
