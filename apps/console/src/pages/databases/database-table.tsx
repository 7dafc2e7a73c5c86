import type { Api, Database, Output } from '@persql/contract'
import { Ellipsis, Trash2 } from 'lucide-react'
import { Link } from 'react-router'
import { databasePath } from '../../shell/address.ts'
import { useMay } from '../../shell/membership.ts'
import { Badge } from '../../ui/badge.tsx'
import { Button } from '../../ui/button.tsx'
import { formatAgo, formatCompact } from '../../ui/format.ts'
import { Menu, MenuItem } from '../../ui/menu.tsx'
import { Skeleton } from '../../ui/skeleton.tsx'
import { Table } from '../../ui/table.tsx'

type Usage = Output<Api['get_usage']>

interface DatabaseTableProps {
  ns: string
  databases: readonly Database[]
  /** Comes a little later than the databases. */
  usage: Usage | undefined
  onDelete: (slug: string) => void
}

/** Databases with what they are used for. */
export function DatabaseTable({ ns, databases, usage, onDelete }: DatabaseTableProps) {
  const mayDelete = useMay('admin')
  const used = new Map(usage?.databases.map((one) => [one.slug, one]))
  const count = (slug: string, meter: 'requests' | 'rowsRead' | 'rowsWritten') =>
    usage ? formatCompact(used.get(slug)?.[meter] ?? 0) : <Skeleton className="ml-auto h-5 w-10" />
  return (
    <Table
      label="Databases"
      rows={databases}
      keyOf={({ id }) => id}
      columns={[
        {
          name: 'Name',
          cell: (database) => (
            <span className="flex flex-wrap items-center gap-2">
              <Link
                className="break-all text-accent underline-offset-2 hover:underline"
                to={databasePath(ns, database.slug)}
              >
                {database.slug}
              </Link>
              {database.branchRef !== null && <Badge tone="accent">branch of {database.forkedFrom?.slug}</Badge>}
              {database.status !== 'healthy' && <Badge tone="warning">{database.status}</Badge>}
              {database.expiresAt && <Badge>ends {formatAgo(database.expiresAt)}</Badge>}
            </span>
          ),
        },
        { name: 'Requests', isNumber: true, cell: ({ slug }) => count(slug, 'requests') },
        { name: 'Rows read', isNumber: true, isExtra: true, cell: ({ slug }) => count(slug, 'rowsRead') },
        { name: 'Rows written', isNumber: true, isExtra: true, cell: ({ slug }) => count(slug, 'rowsWritten') },
        { name: 'Last used', isExtra: true, cell: ({ slug }) => lastUse(usage, slug) },
        { name: 'Made', isExtra: true, cell: ({ createdAt }) => formatAgo(createdAt) },
        {
          name: 'More',
          isUnnamed: true,
          isNumber: true,
          cell: ({ slug }) =>
            mayDelete && (
              <Menu
                trigger={
                  <Button look="quiet" size="icon" aria-label={`More for ${slug}`}>
                    <Ellipsis aria-hidden className="size-4" />
                  </Button>
                }
              >
                <MenuItem tone="danger" onSelect={() => onDelete(slug)}>
                  <Trash2 aria-hidden className="size-4" />
                  Delete
                </MenuItem>
              </Menu>
            ),
        },
      ]}
    />
  )
}

function lastUse(usage: Usage | undefined, slug: string) {
  if (!usage) return <Skeleton className="h-5 w-20" />
  const days = usage.days.filter(({ database, requests }) => database === slug && requests > 0).map(({ day }) => day)
  const last = days.sort().at(-1)
  if (last === undefined) return <span className="text-muted">not lately</span>
  return last === new Date().toISOString().slice(0, 10) ? 'today' : last
}
