import { useQuery } from '@tanstack/react-query'
import { useMemo, useState } from 'react'
import { call } from '../../api/client.ts'
import { useDatabase, useNamespace } from '../../shell/paths.ts'
import { Button } from '../../ui/button.tsx'
import { CodeBlock } from '../../ui/code-block.tsx'
import { Dialog, DialogActions } from '../../ui/dialog.tsx'
import { ErrorPanel } from '../../ui/error-panel.tsx'
import { formatBytes } from '../../ui/format.ts'
import { commandKey } from '../../ui/kbd.tsx'
import { Skeleton } from '../../ui/skeleton.tsx'
import { saveFile } from '../results/save-file.ts'
import { type Bytes, getByteLength, isBytes, prettyJson, quoteName, toHex, type Value } from '../results/values.ts'
import { readTyped } from './parse-value.ts'
import type { RowChanges } from './row-changes.ts'
import { isNumeric, type RowIdentity } from './row-identity.ts'
import { isRow, type Row } from './row-queries.ts'
import { toStatement } from './sql-builder.ts'
import { toInputValue, ValueField } from './value-field.tsx'

/** The number of bytes that the hexadecimal view shows. */
const SHOWN_HEX = 512

interface CellDialogProps {
  shape: RowIdentity
  row: Row
  column: number
  draft: RowChanges
  isFixed: boolean
  onClose: () => void
  onChange: (column: string, before: Value | undefined, after: Value) => void
  onDelete: () => void
}

/** A dialog to view or edit the full value of a cell. */
export function CellDialog(props: CellDialogProps) {
  const { shape, row, column: index, draft, isFixed, onClose, onDelete } = props
  const column = shape.columns[index]
  const isCut = row.marks[index] === '1'
  const whole = useWhole(shape, row, column?.name ?? '', isCut && shape.key.length > 0)
  if (!column) return null
  const change = draft.find(({ id }) => id === row.id)
  const edited = change?.kind === 'edit' ? change.after[column.name] : undefined
  const before = isCut ? whole.data : row.cells[index]
  const isExact = row.marks[index] !== '2' && (typeof before !== 'number' || Number.isFinite(before))
  const shown = edited === undefined ? before : edited
  const canEdit = !isFixed && !column.generated && change?.kind !== 'delete'
  return (
    <Dialog
      open
      onOpenChange={onClose}
      title={column.name}
      description={`${column.type || 'Any type'}${column.generated ? ', generated' : ''}${column.notNull ? ', not null' : ''}`}
    >
      {whole.error && <ErrorPanel error={whole.error} onRetry={whole.refetch} />}
      {shown === undefined && !whole.error && <Skeleton className="h-32 w-full" />}
      {shown !== undefined && isBytes(shown) && <Blob name={column.name} bytes={shown} />}
      {shown !== undefined && (
        <Content
          value={shown}
          typedAs={isNumeric(column.type) ? 'number' : 'text'}
          label={column.name}
          canEdit={canEdit}
          isGoing={change?.kind === 'delete'}
          onDelete={() => {
            onDelete()
            onClose()
          }}
          onKeep={(after) => {
            // A number beyond JavaScript's precision can't be compared, so only the key identifies the row.
            props.onChange(column.name, isExact ? before : undefined, after)
            onClose()
          }}
          mayDelete={!isFixed}
        />
      )}
    </Dialog>
  )
}

function useWhole(shape: RowIdentity, row: Row, column: string, enabled: boolean) {
  const ns = useNamespace()
  const db = useDatabase()
  return useQuery({
    queryKey: ['cell', ns, db, shape.name, row.id, column],
    enabled,
    staleTime: 0,
    queryFn: async ({ signal }) => {
      const statement = toStatement([
        `SELECT ${quoteName(column)} FROM ${quoteName(shape.name)} WHERE `,
        ...isRow(shape, row),
      ])
      const result = await call('POST /api/namespaces/{ns}/databases/{db}/query', { ns, db, ...statement }, signal)
      return result.rows[0]?.[0] ?? null
    },
  })
}

function Blob({ name, bytes }: { name: string; bytes: Bytes }) {
  const hex = useMemo(() => toHex(bytes), [bytes])
  const save = () =>
    saveFile(
      name,
      'application/octet-stream',
      Uint8Array.from(atob(bytes.base64), (char) => char.charCodeAt(0)),
    )
  return (
    <div className="grid min-w-0 gap-2">
      <CodeBlock
        label={`${formatBytes(getByteLength(bytes))}, hexadecimal${hex.length > SHOWN_HEX ? ', truncated' : ''}`}
        code={hex.slice(0, SHOWN_HEX)}
        copies={hex}
      />
      <Button size="small" onClick={save}>
        Download
      </Button>
    </div>
  )
}

interface ContentProps {
  value: Value
  typedAs: 'text' | 'number'
  label: string
  canEdit: boolean
  isGoing: boolean
  mayDelete: boolean
  onKeep: (value: Value) => void
  onDelete: () => void
}

function Content({ value, typedAs, label, canEdit, isGoing, mayDelete, onKeep, onDelete }: ContentProps) {
  const [typed, setTyped] = useState(() => toInputValue(isBytes(value) ? '' : value, typedAs))
  const [isTouched, setTouched] = useState(false)
  const read = readTyped(typed)
  const json = prettyJson(value)
  const canKeep = 'value' in read && read.value !== undefined && isTouched
  const keep = () => {
    if ('value' in read && read.value !== undefined) onKeep(read.value)
  }
  return (
    <form
      className="grid min-w-0 gap-4"
      onSubmit={(event) => {
        event.preventDefault()
        if (canKeep) keep()
      }}
      onKeyDown={(event) => {
        if (event.key === 'Enter' && (event.ctrlKey || event.metaKey) && canKeep) keep()
      }}
    >
      {json && !canEdit && <CodeBlock label="JSON" code={json} copies={String(value)} />}
      {!canEdit && !json && !isBytes(value) && (
        <CodeBlock
          label={value === null ? 'NULL' : typeof value === 'string' ? 'Text' : 'Number'}
          code={value === null ? '' : String(value)}
        />
      )}
      {canEdit && (
        <ValueField
          label={isBytes(value) ? 'New value' : 'Value'}
          hint={
            isGoing
              ? undefined
              : `Press ${commandKey()}+Enter to apply. Nothing is saved until you review your changes.`
          }
          value={typed}
          rows={json || String(value).length > 60 ? 8 : 1}
          problem={'problem' in read && isTouched ? read.problem : undefined}
          onChange={(next) => {
            setTyped(next)
            setTouched(true)
          }}
        />
      )}
      <DialogActions>
        {canEdit && json && (
          <Button
            onClick={() => {
              setTyped({ ...typed, text: prettyJson(typed.text) ?? typed.text })
              setTouched(true)
            }}
          >
            Format JSON
          </Button>
        )}
        {mayDelete && <Button onClick={onDelete}>{isGoing ? 'Undo delete' : 'Delete row'}</Button>}
        {canEdit && (
          <Button type="submit" look="primary" disabled={!canKeep} aria-label={`Apply value of ${label}`}>
            Apply
          </Button>
        )}
      </DialogActions>
    </form>
  )
}
