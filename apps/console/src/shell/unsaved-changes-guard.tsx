import { useEffect } from 'react'
import { useBlocker } from 'react-router'
import { Button } from '../ui/button.tsx'
import { Dialog, DialogActions } from '../ui/dialog.tsx'

/**
 * State of a navigation that needs no confirmation, because the changes were just saved or their object was deleted.
 */
export const NAVIGATION_SAVED = { isDone: true } as const

interface UnsavedProps {
  /** Whether the page has unsaved changes. */
  when: boolean
  /** The object of the question, as in “Discard 2 changes?” or “Discard changes to the draft?”. */
  what: string
}

/**
 * Asks for confirmation before the user leaves a page with unsaved changes, within the console or by closing the tab.
 */
export function UnsavedChangesGuard({ when, what }: UnsavedProps) {
  const blocker = useBlocker(
    ({ currentLocation, nextLocation }) =>
      when && currentLocation.pathname !== nextLocation.pathname && nextLocation.state?.isDone !== true,
  )
  useEffect(() => {
    if (!when) return
    const stay = (event: BeforeUnloadEvent) => event.preventDefault()
    addEventListener('beforeunload', stay)
    return () => removeEventListener('beforeunload', stay)
  }, [when])
  if (blocker.state !== 'blocked') return null
  return (
    <Dialog
      open
      onOpenChange={() => blocker.reset()}
      title={`Discard ${what}?`}
      description="Your unsaved changes will be lost."
    >
      <DialogActions>
        <Button look="danger" onClick={() => blocker.proceed()}>
          Discard changes
        </Button>
        <Button look="primary" onClick={() => blocker.reset()}>
          Keep editing
        </Button>
      </DialogActions>
    </Dialog>
  )
}
