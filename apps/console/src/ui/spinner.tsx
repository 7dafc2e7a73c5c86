import { LoaderCircle } from 'lucide-react'

/** A spinner. Screen readers read `label`. */
export const Spinner = ({ label = 'Loading' }: { label?: string }) => (
  <span role="status" className="inline-flex">
    <LoaderCircle aria-hidden className="size-4 animate-spin" />
    <span className="sr-only">{label}</span>
  </span>
)
