import type { SchemaDescription } from '@persql/contract'
import { Pencil } from 'lucide-react'
import { Badge } from '../../../ui/badge.tsx'
import { Button } from '../../../ui/button.tsx'
import { classes } from '../../../ui/class-names.ts'
import { formatCount } from '../../../ui/format.ts'
import { Table } from '../../../ui/table.tsx'

type TableOf = SchemaDescription['tables'][number]

interface TableListProps {
  schema: SchemaDescription
  /** The table that is selected in the diagram. */
  chosen: string | null
  onEdit: ((table: string) => void) | undefined
}

/** The tables and views as a list, with their descriptions. */
export const TableList = ({ schema, chosen, onEdit }: TableListProps) => (
  <div className="grid min-w-0 gap-6">
    {schema.tables.map((table) => (
      <TableCard key={table.table} table={table} isChosen={chosen === table.table} onEdit={onEdit} />
    ))}
    {schema.views.map(({ name, sql, description }) => (
      <section key={name} className="grid gap-2 rounded-card border border-line bg-surface p-5">
        <h2 className="flex items-center gap-2 text-lg font-semibold wrap-anywhere">
          {name} <Badge>View</Badge>
        </h2>
        {description && <p className="text-muted">{description}</p>}
        <code className="font-mono text-sm break-words whitespace-pre-wrap">{sql}</code>
      </section>
    ))}
  </div>
)

interface TableCardProps {
  table: TableOf
  isChosen: boolean
  onEdit: TableListProps['onEdit']
}

function TableCard({
  table: { table, description, rowCount, columns, foreignKeys, indexes },
  isChosen,
  onEdit,
}: TableCardProps) {
  return (
    <section
      id={`table-${table}`}
      aria-label={`Table ${table}`}
      className={classes(
        'grid min-w-0 scroll-mt-20 gap-3 rounded-card border bg-surface p-5',
        isChosen ? 'border-accent' : 'border-line',
      )}
    >
      <div className="flex flex-wrap items-center justify-between gap-2">
        <h2 className="text-lg font-semibold wrap-anywhere">{table}</h2>
        <span className="flex items-center gap-2 text-sm text-muted">
          {rowCount !== null && formatCount(rowCount, 'row')}
          {onEdit && (
            <Button size="small" aria-label={`Edit description of ${table}`} onClick={() => onEdit(table)}>
              <Pencil aria-hidden className="size-3.5" />
              Edit description
            </Button>
          )}
        </span>
      </div>
      {description && <p className="break-words">{description}</p>}
      <Table
        label={`Columns of ${table}`}
        rows={columns}
        getKey={({ name }) => name}
        columns={[
          {
            name: 'Column',
            cell: (column) => (
              <>
                <span className="font-mono text-sm wrap-anywhere">{column.name}</span>
                <span className="block text-sm font-normal text-muted md:hidden">
                  {[listFacts(column), column.description].filter(Boolean).join('. ')}
                </span>
              </>
            ),
          },
          { name: 'Type', cell: ({ type }) => <span className="font-mono text-sm">{type || 'any'}</span> },
          { name: 'Constraints', isExtra: true, cell: (column) => listFacts(column) },
          { name: 'Description', isExtra: true, cell: ({ description: text }) => text ?? '' },
        ]}
      />
      {foreignKeys.length > 0 && (
        <ul aria-label={`Foreign keys of ${table}`} className="grid gap-1 text-sm">
          {foreignKeys.map((key) => (
            <li key={JSON.stringify(key)} className="break-words">
              <code className="font-mono">{key.columns.join(', ')}</code> references{' '}
              <a className="text-accent underline" href={`#table-${key.table}`}>
                {key.table}
              </a>
              {key.onDelete !== 'NO ACTION' && ` (on delete: ${key.onDelete.toLowerCase()})`}
            </li>
          ))}
        </ul>
      )}
      {indexes.length > 0 && (
        <ul aria-label={`Indexes of ${table}`} className="grid gap-1 text-sm text-muted">
          {indexes.map(({ name, unique, columns: indexed }) => (
            <li key={name} className="wrap-anywhere">
              {unique ? 'Unique index' : 'Index'} on {indexed.join(', ')} ({name})
            </li>
          ))}
        </ul>
      )}
    </section>
  )
}

const listFacts = ({ primaryKey, notNull, generated, default: preset }: TableOf['columns'][number]) =>
  [
    primaryKey > 0 && 'primary key',
    notNull && 'not null',
    generated && 'generated',
    preset !== null && `default ${preset}`,
  ]
    .filter(Boolean)
    .join(', ')
