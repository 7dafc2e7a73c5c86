import { toast } from '../ui/toast.tsx'
import { nextStep } from './next-step.ts'

/** Tells what was done and offers to undo it; whether that worked is told too, wherever one is by then. */
export function toastWithUndo(text: string, undo: () => Promise<unknown>): void {
  const run = async () => {
    try {
      await undo()
      toast('Undone.')
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause)
      toast(`It could not be undone: ${why} ${nextStep(cause)}`)
    }
  }
  toast(text, { name: 'Undo', run: () => void run() })
}
