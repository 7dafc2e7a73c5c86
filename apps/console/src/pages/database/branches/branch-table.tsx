import type { Database } from '@persql/contract'
import { Ellipsis, GitMerge, RotateCcw, Share2, Trash2 } from 'lucide-react'
import { Link } from 'react-router'
import { useCan } from '../../../shell/membership.ts'
import { databasePath, useDatabase, useNamespace } from '../../../shell/paths.ts'
import { Button } from '../../../ui/button.tsx'
import { formatAgo } from '../../../ui/format.ts'
import { Menu, MenuItem } from '../../../ui/menu.tsx'
import { Table } from '../../../ui/table.tsx'
import { StatusBadge } from '../../databases/status-badge.tsx'

interface BranchTableProps {
  branches: readonly Database[]
  onHandOff: (ref: string) => void
  onReset: (ref: string) => void
  onDelete: (ref: string) => void
}

/** The branches of a database, with their actions. */
export function BranchTable({ branches, onHandOff, onReset, onDelete }: BranchTableProps) {
  const ns = useNamespace()
  const db = useDatabase()
  const mayChange = useCan('editor')
  const mayMerge = useCan('admin')
  return (
    <Table
      label="Branches"
      rows={branches}
      getKey={({ id }) => id}
      columns={[
        {
          name: 'Branch',
          cell: ({ branchRef, slug, status }) => (
            <span className="flex flex-wrap items-center gap-2">
              <Link
                className="wrap-anywhere text-accent underline-offset-2 hover:underline"
                to={databasePath(ns, slug)}
              >
                {branchRef}
              </Link>
              {status !== 'healthy' && <StatusBadge status={status} />}
            </span>
          ),
        },
        { name: 'Database', isExtra: true, cell: ({ slug }) => <code className="font-mono text-sm">{slug}</code> },
        { name: 'Created', isExtra: true, cell: ({ forkedAt, createdAt }) => formatAgo(forkedAt ?? createdAt) },
        {
          name: 'Expires',
          cell: ({ expiresAt }) => (expiresAt ? formatAgo(expiresAt) : <span className="text-muted">Never</span>),
        },
        {
          name: 'Actions',
          isUnnamed: true,
          isNumber: true,
          cell: ({ branchRef }) =>
            mayChange &&
            branchRef !== null && (
              <Menu
                trigger={
                  <Button look="quiet" size="icon" aria-label={`Actions for ${branchRef}`}>
                    <Ellipsis aria-hidden className="size-4" />
                  </Button>
                }
              >
                {mayMerge && (
                  <MenuItem asChild>
                    <Link to={databasePath(ns, db, 'branches', 'merge', encodeURIComponent(branchRef))}>
                      <GitMerge aria-hidden className="size-4" />
                      Merge into {db}
                    </Link>
                  </MenuItem>
                )}
                {mayMerge && (
                  <MenuItem onSelect={() => onHandOff(branchRef)}>
                    <Share2 aria-hidden className="size-4" />
                    Hand off
                  </MenuItem>
                )}
                <MenuItem onSelect={() => onReset(branchRef)}>
                  <RotateCcw aria-hidden className="size-4" />
                  Reset
                </MenuItem>
                <MenuItem tone="danger" onSelect={() => onDelete(branchRef)}>
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
