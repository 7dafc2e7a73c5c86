import { classes } from './class-names.ts'
import { CopyButton } from './copy-button.tsx'

interface CodeBlockProps {
  code: string
  /** What it is, as its name: "curl", "SQL". */
  label: string
  /** Copied instead of what is shown, when that hides a secret. */
  copies?: string
  /** Long lines go on below, for what must be seen whole. */
  wraps?: boolean
}

/** Code to read and copy. It scrolls by itself, with the keyboard too. */
export const CodeBlock = ({ code, label, copies = code, wraps = false }: CodeBlockProps) => (
  <figure className="min-w-0 overflow-hidden rounded-card border border-line bg-sunken">
    <figcaption className="flex items-center justify-between gap-2 border-b border-line px-3 py-1.5 text-sm text-muted">
      {label}
      <CopyButton text={copies} label={`Copy ${label}`} />
    </figcaption>
    {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable with the keyboard */}
    <section tabIndex={0} aria-label={label} className="overflow-x-auto -outline-offset-2">
      <pre className={classes('p-3 font-mono text-sm', wraps && 'wrap-anywhere whitespace-pre-wrap')}>
        <code>{code}</code>
      </pre>
    </section>
  </figure>
)
