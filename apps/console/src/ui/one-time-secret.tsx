import { CopyButton } from './copy-button.tsx'

/** A text that is shown once, to be copied and kept elsewhere. */
export const OneTimeSecret = ({ label, text }: { label: string; text: string }) => (
  <div className="flex flex-wrap items-center gap-2">
    <code className="min-w-0 rounded-field border border-line bg-sunken px-3 py-1.5 font-mono text-sm break-all select-all">
      {text}
    </code>
    <CopyButton text={text} label={`Copy ${label}`} />
  </div>
)
