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
  /** The consequence, and whether it can be undone. */
  description: ReactNode
  /** A name that the user must type before an action that can't be undone. */
  typed?: string
  /** The label of the confirm button, a verb and an object. */
  action: string
  /** Whether the action can be undone. Otherwise the confirm button is red. */
  isHarmless?: boolean
  /** Runs the action. The dialog waits for the promise and closes when it is fulfilled. */
  onConfirm: () => Promise<unknown>
}

/** Asks for confirmation of an action that can't be undone or that affects others. */
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
