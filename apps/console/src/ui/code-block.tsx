import { classes } from './class-names.ts'
import { CopyButton } from './copy-button.tsx'

interface CodeBlockProps {
  code: string
  /** The title, such as "curl" or "SQL". */
  label: string
  /** The text to copy if `code` hides a secret. */
  copies?: string
  /** Wraps long lines instead of scrolling. */
  wraps?: boolean
}

/** Code to read and copy, in a box that scrolls with the keyboard too. */
export const CodeBlock = ({ code, label, copies = code, wraps = false }: CodeBlockProps) => (
  <figure className="min-w-0 overflow-hidden rounded-card border border-line bg-sunken">
    <figcaption className="flex items-center justify-between gap-2 border-b border-line px-3 py-1.5 text-sm text-muted">
      {label}
      <CopyButton text={copies} label={`Copy ${label}`} />
    </figcaption>
    {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling box must be reachable with the keyboard */}
    <section tabIndex={0} aria-label={label} className="overflow-x-auto -outline-offset-2">
      <pre className={classes('p-3 font-mono text-sm', wraps && 'wrap-anywhere whitespace-pre-wrap')}>
        <code>{code}</code>
      </pre>
    </section>
  </figure>
)
