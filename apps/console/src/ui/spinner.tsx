import { LoaderCircle } from 'lucide-react'

/** Something is under way; `label` is for those who do not see it turn. */
export const Spinner = ({ label = 'Loading' }: { label?: string }) => (
  <span role="status" className="inline-flex">
    <LoaderCircle aria-hidden className="size-4 animate-spin" />
    <span className="sr-only">{label}</span>
  </span>
)
