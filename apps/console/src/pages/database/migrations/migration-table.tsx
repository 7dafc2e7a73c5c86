import type { Migration } from '@persql/contract'
import { Link } from 'react-router'
import { useActorName } from '../../../shell/actor-names.ts'
import { databasePath, useDatabase, useNamespace } from '../../../shell/paths.ts'
import { useQueryParam } from '../../../shell/use-query-param.ts'
import { Badge } from '../../../ui/badge.tsx'
import { formatAgo, formatNumber } from '../../../ui/format.ts'
import { Skeleton } from '../../../ui/skeleton.tsx'
import { Table } from '../../../ui/table.tsx'

/** The state of a migration. */
export function MigrationState({ migration }: { migration: Migration }) {
  if (migration.appliedAt) return <Badge tone="success">Applied</Badge>
  return migration.error ? <Badge tone="danger">Failed</Badge> : <Badge>Draft</Badge>
}

/** A table of migrations, newest first. */
export function MigrationTable({ migrations }: { migrations: readonly Migration[] }) {
  const ns = useNamespace()
  const db = useDatabase()
  const [before] = useQueryParam('before')
  const getActorName = useActorName()
  return (
    <Table
      label="Migrations"
      rows={migrations}
      getKey={({ id }) => id}
      columns={[
        {
          name: 'Name',
          cell: ({ id, name }) => (
            <Link
              className="wrap-anywhere text-accent underline-offset-2 hover:underline"
              to={{
                pathname: databasePath(ns, db, 'migrations', id),
                search: before === null ? '' : `before=${encodeURIComponent(before)}`,
              }}
            >
              {name}
            </Link>
          ),
        },
        { name: 'Status', cell: (migration) => <MigrationState migration={migration} /> },
        {
          name: 'Statements',
          isNumber: true,
          isExtra: true,
          cell: ({ statements }) => formatNumber(statements),
        },
        { name: 'Date', cell: ({ appliedAt, updatedAt }) => formatAgo(appliedAt ?? updatedAt) },
        {
          name: 'By',
          isExtra: true,
          cell: ({ appliedBy }) =>
            appliedBy ? (
              <span className="wrap-anywhere">{getActorName(appliedBy) ?? <Skeleton className="h-5 w-40" />}</span>
            ) : (
              <span className="text-muted">–</span>
            ),
        },
      ]}
    />
  )
}
