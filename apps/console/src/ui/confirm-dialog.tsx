import { type FormEvent, type ReactNode, useState } from 'react'
import { Button } from './button.tsx'
import { Dialog, DialogActions } from './dialog.tsx'
import { ErrorPanel } from './error-panel.tsx'
import { Field } from './field.tsx'
import { Input } from './input.tsx'

interface ConfirmDialogProps {
  open: boolean
  onOpenChange: (open: boolean) => void
  title: string
  /** What happens, and whether it can be undone. */
  description: ReactNode
  /** A name that has to be typed, for what cannot be undone. */
  typed?: string
  /** What the button says: the deed, not "OK". */
  action: string
  /** Whether nothing is lost by it. */
  isHarmless?: boolean
  /** Does it; while the promise is open the dialog waits, and it closes when that is fulfilled. */
  onConfirm: () => Promise<unknown>
}

/** Asks before something is done that cannot be undone, or that many will feel. */
export function ConfirmDialog({ open, onOpenChange, ...rest }: ConfirmDialogProps) {
  return (
    <Dialog open={open} onOpenChange={onOpenChange} title={rest.title} description={rest.description}>
      <Confirmation {...rest} close={() => onOpenChange(false)} />
    </Dialog>
  )
}

type ConfirmationProps = Pick<ConfirmDialogProps, 'typed' | 'action' | 'isHarmless' | 'onConfirm'> & {
  close: () => void
}

function Confirmation({ typed, action, isHarmless = false, onConfirm, close }: ConfirmationProps) {
  const [text, setText] = useState('')
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>()
  const isReady = typed === undefined || text === typed
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    if (!isReady) return
    setBusy(true)
    setError(undefined)
    try {
      await onConfirm()
      close()
    } catch (cause) {
      setError(cause)
      setBusy(false)
    }
  }
  return (
    <form onSubmit={submit} className="grid gap-4">
      {typed !== undefined && (
        <Field label={`Type ${typed} to confirm`}>
          {(control) => (
            <Input
              {...control}
              value={text}
              onChange={({ target }) => setText(target.value)}
              autoComplete="off"
              autoCapitalize="none"
              spellCheck={false}
            />
          )}
        </Field>
      )}
      {error !== undefined && <ErrorPanel error={error} />}
      <DialogActions>
        <Button onClick={close}>Cancel</Button>
        <Button type="submit" look={isHarmless ? 'primary' : 'danger'} busy={busy} disabled={!isReady}>
          {action}
        </Button>
      </DialogActions>
    </form>
  )
}
