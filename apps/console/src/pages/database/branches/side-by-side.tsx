interface SideBySideProps {
  title: string
  reason: string
  /** Name and text of each side, or `null` if the side has no row or object. */
  sides: readonly (readonly [name: string, text: string | null])[]
}

/** Both sides of a conflict next to each other, or stacked on phones. */
export const SideBySide = ({ title, reason, sides }: SideBySideProps) => (
  <article className="grid min-w-0 gap-2 rounded-card border border-line p-3">
    <h3 className="font-medium wrap-anywhere">{title}</h3>
    <p className="text-sm break-words text-muted">{reason}</p>
    <div className="grid min-w-0 gap-2 sm:auto-cols-fr sm:grid-flow-col">
      {sides.map(([name, text]) => (
        <div key={name} className="grid min-w-0 content-start gap-1">
          <p className="text-sm font-medium text-muted">{name}</p>
          <pre className="rounded-field bg-sunken p-2 font-mono text-sm break-words whitespace-pre-wrap">
            {text ?? "Doesn't exist"}
          </pre>
        </div>
      ))}
    </div>
  </article>
)
