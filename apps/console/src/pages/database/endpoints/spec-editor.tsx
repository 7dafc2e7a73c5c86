import type { SpecProblem } from '@persql/endpoint-spec'
import { ChoiceTabs } from '../../../ui/choice-tabs.tsx'
import { capitalize } from '../../../ui/format.ts'
import { CodeField } from '../../../ui/text-field.tsx'
import { formatDraft, parseDraft } from './spec-draft.ts'
import { SpecForm } from './spec-form.tsx'

interface SpecEditorProps {
  /** The spec as JSON, which the form and the text field both edit. */
  text: string
  onChange: (text: string) => void
  problems: readonly SpecProblem[]
  isNew: boolean
}

/** An editor for a spec, as a form or as JSON, with its problems. */
export function SpecEditor({ text, onChange, problems, isNew }: SpecEditorProps) {
  const draft = parseDraft(text)
  const findProblem = (field: string) => {
    const found = problems.find(
      (one) =>
        one.field === field ||
        (!field.startsWith('input') && one.field.startsWith(`${field}.`)) ||
        one.field.startsWith(`${field}[`),
    )
    return found && `${capitalize(found.message)}.`
  }
  return (
    <div className="grid gap-4">
      <ChoiceTabs
        label="Editor mode"
        param="edit"
        choices={[
          {
            id: 'form',
            name: 'Form',
            content: draft ? (
              <SpecForm
                draft={draft}
                onChange={(next) => onChange(formatDraft(next))}
                findProblem={findProblem}
                isNew={isNew}
              />
            ) : (
              <p role="alert">Fix the JSON to switch back to the form.</p>
            ),
          },
          {
            id: 'json',
            name: 'JSON',
            content: (
              <CodeField
                label="Spec"
                value={text}
                onChange={onChange}
                rows={24}
                error={draft ? undefined : 'Invalid JSON object.'}
              />
            ),
          },
        ]}
      />
      {problems.length > 0 && (
        <ul aria-label="Problems to fix" className="grid gap-1 rounded-card bg-warning-soft p-4 text-sm text-warning">
          {problems.map(({ field, message }) => (
            <li key={field + message} className="break-words">
              <code className="font-mono font-medium">{field}</code>: {message}
            </li>
          ))}
        </ul>
      )}
    </div>
  )
}
