import { type FormEvent, useState } from 'react'
import { useApiMutation } from '../../api/hooks.ts'
import { Button } from '../../ui/button.tsx'
import { CodeBlock } from '../../ui/code-block.tsx'
import { Dialog, DialogActions } from '../../ui/dialog.tsx'
import { ErrorPanel } from '../../ui/error-panel.tsx'
import { Field } from '../../ui/field.tsx'
import { Textarea } from '../../ui/input.tsx'

interface AskDialogProps {
  ns: string
  db: string
  onClose: () => void
  /** Opens the statement in a new tab without running it. */
  onTake: (sql: string) => void
}

/** Generates a SELECT statement for a question with an AI model. */
export const AskDialog = ({ onClose, ...rest }: AskDialogProps) => (
  <Dialog
    open
    onOpenChange={onClose}
    title="Generate a query"
    description="An AI model reads your question and the schema, but no rows, and writes a SELECT. Review it before you run it."
  >
    <AskForm {...rest} onClose={onClose} />
  </Dialog>
)

function AskForm({ ns, db, onClose, onTake }: AskDialogProps) {
  const [question, setQuestion] = useState('')
  const { mutate, data, isPending, error } = useApiMutation('POST /api/namespaces/{ns}/databases/{db}/ai/sql')
  const submit = (event: FormEvent) => {
    event.preventDefault()
    mutate({ ns, db, question })
  }
  const take = (sql: string) => {
    onTake(sql)
    onClose()
  }
  return (
    <form onSubmit={submit} className="grid min-w-0 gap-4">
      <Field label="Question" hint="Billed as one request plus AI tokens at $1 per million.">
        {(control) => (
          <Textarea
            {...control}
            value={question}
            onChange={({ target }) => setQuestion(target.value)}
            required
            maxLength={500}
            rows={3}
            placeholder="Which 10 customers spent the most this year?"
          />
        )}
      </Field>
      {error && <ErrorPanel error={error} />}
      <div role="status" className="grid min-w-0 gap-3">
        {isPending && <p className="text-muted">Generating…</p>}
        {data && !isPending && (
          <>
            <CodeBlock label="SQL" code={data.sql} />
            <p className="text-muted">{data.explanation}</p>
          </>
        )}
      </div>
      <DialogActions>
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" look={data ? 'secondary' : 'primary'} busy={isPending} disabled={question.trim() === ''}>
          {data ? 'Generate again' : 'Generate'}
        </Button>
        {data && !isPending && (
          <Button look="primary" onClick={() => take(data.sql)}>
            Open in editor
          </Button>
        )}
      </DialogActions>
    </form>
  )
}
