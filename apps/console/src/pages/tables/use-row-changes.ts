import { useCallback, useEffect, useState } from 'react'
import type { RowChanges } from './row-changes.ts'

/** Returns the pending changes and their undo history. */
export function useDraft() {
  const [steps, setSteps] = useState<readonly RowChanges[]>([[]])
  const draft = steps.at(-1) ?? []
  const canUndo = steps.length > 1
  const undo = useCallback(() => setSteps((known) => (known.length > 1 ? known.slice(0, -1) : known)), [])
  useEffect(() => {
    if (!canUndo) return
    const press = (event: KeyboardEvent) => {
      const isTyping = event.target instanceof HTMLElement && event.target.matches('input, textarea, select')
      if (isTyping || event.shiftKey || !(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== 'z') return
      event.preventDefault()
      undo()
    }
    addEventListener('keydown', press)
    return () => removeEventListener('keydown', press)
  }, [canUndo, undo])
  return {
    draft,
    canUndo,
    undo,
    change: (next: RowChanges) => setSteps([...steps, next]),
    reset: () => setSteps([[]]),
  }
}
