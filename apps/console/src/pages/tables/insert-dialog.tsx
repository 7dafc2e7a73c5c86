import { type FormEvent, useState } from 'react'
import { Button } from '../../ui/button.tsx'
import { Dialog, DialogActions } from '../../ui/dialog.tsx'
import { type InputValue, readTyped } from './parse-value.ts'
import type { Values } from './row-changes.ts'
import { isNumeric, type RowIdentity, type SchemaColumn } from './row-identity.ts'
import { ValueField } from './value-field.tsx'

interface InsertDialogProps {
  shape: RowIdentity
  onClose: () => void
  onInsert: (values: Values) => void
}

/** A form for a new row. Each column can keep its default. */
export function InsertDialog({ shape, onClose, onInsert }: InsertDialogProps) {
  const columns = shape.columns.filter(({ generated }) => !generated)
  const [typed, setTyped] = useState<Readonly<Record<string, InputValue>>>({})
  const [isTried, setTried] = useState(false)
  const of = ({ name, type }: SchemaColumn): InputValue =>
    typed[name] ?? { kind: 'default', text: '', typedAs: isNumeric(type) ? 'number' : 'text' }
  const read = columns.map((column) => [column.name, readTyped(of(column))] as const)
  const submit = (event: FormEvent) => {
    event.preventDefault()
    setTried(true)
    if (read.some(([, value]) => 'problem' in value)) return
    onInsert(
      Object.fromEntries(
        read.flatMap(([name, one]) => ('value' in one && one.value !== undefined ? [[name, one.value]] : [])),
      ),
    )
    onClose()
  }
  return (
    <Dialog open onOpenChange={onClose} title="Add row" description="Saved after you review your changes.">
      <form onSubmit={submit} className="grid gap-4">
        {columns.map((column, index) => {
          const result = read[index]?.[1]
          return (
            <ValueField
              key={column.name}
              label={column.name}
              hint={`${column.type}${column.notNull && column.default === null ? ', not null' : ''}${column.default === null ? '' : `, default ${column.default}`}`}
              value={of(column)}
              hasDefault
              problem={isTried && result && 'problem' in result ? result.problem : undefined}
              onChange={(value) => setTyped({ ...typed, [column.name]: value })}
            />
          )
        })}
        <DialogActions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary">
            Add row
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  )
}
