import { nextStep } from '../ui/next-step.ts'
import { toast } from '../ui/toast.tsx'

/** Shows a toast with an Undo button, then a second toast with the result of the undo. */
export function toastWithUndo(text: string, undo: () => Promise<unknown>): void {
  const run = async () => {
    try {
      await undo()
      toast('Undone.')
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause)
      toast(`Couldn't undo: ${why} ${nextStep(cause)}`.trim())
    }
  }
  toast(text, { name: 'Undo', run: () => void run() })
}
