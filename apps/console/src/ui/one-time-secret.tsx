import { CopyButton } from './copy-button.tsx'

/** A secret that is shown once, with a copy button. */
export const OneTimeSecret = ({ label, text }: { label: string; text: string }) => (
  <div className="flex flex-wrap items-center gap-2">
    <code className="min-w-0 rounded-field border border-line bg-sunken px-3 py-1.5 font-mono text-sm break-all select-all">
      {text}
    </code>
    <CopyButton text={text} label={`Copy ${label}`} />
  </div>
)
