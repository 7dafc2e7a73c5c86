import type { Webhook } from '@persql/contract'
import { type FormEvent, useState } from 'react'
import { useApiMutation } from '../../../api/hooks.ts'
import { useDatabase, useNamespace } from '../../../shell/paths.ts'
import { Button } from '../../../ui/button.tsx'
import { DialogActions } from '../../../ui/dialog.tsx'
import { ErrorPanel } from '../../../ui/error-panel.tsx'
import { Checkbox } from '../../../ui/input.tsx'
import { TextField } from '../../../ui/text-field.tsx'
import { EVENTS, type WebhookEvent } from './webhook-events.ts'

const CHANGED = [
  'GET /api/namespaces/{ns}/databases/{db}/webhooks',
  'GET /api/namespaces/{ns}/databases/{db}/webhooks/{id}',
] as const

interface WebhookFormProps {
  webhook: Webhook | undefined
  close: () => void
  onSaved: (webhook: Webhook) => void
}

/** A form that creates or updates a webhook. */
export function WebhookForm({ webhook, close, onSaved }: WebhookFormProps) {
  const [ns, db] = [useNamespace(), useDatabase()]
  const [name, setName] = useState(webhook?.name ?? '')
  const [url, setUrl] = useState(webhook?.url ?? '')
  const [tables, setTables] = useState(webhook?.tables?.join(', ') ?? '')
  const [events, setEvents] = useState<readonly WebhookEvent[]>(webhook?.events ?? EVENTS.map(([event]) => event))
  const create = useApiMutation('POST /api/namespaces/{ns}/databases/{db}/webhooks', CHANGED)
  const update = useApiMutation('PATCH /api/namespaces/{ns}/databases/{db}/webhooks/{id}', CHANGED)
  const error = create.error ?? update.error
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    if (events.length === 0) return
    const named = tables.split(/[,\n]/).flatMap((table) => table.trim() || [])
    const fields = {
      ns,
      db,
      name,
      url,
      tables: named.length > 0 ? named : null,
      events: events.length === EVENTS.length ? null : [...events],
    }
    const saving = webhook ? update.mutateAsync({ ...fields, id: webhook.id }) : create.mutateAsync(fields)
    const saved = await saving.catch(() => undefined)
    if (saved) onSaved(saved)
  }
  const tick = (event: WebhookEvent, isOn: boolean) =>
    setEvents(isOn ? [...events, event] : events.filter((other) => other !== event))
  return (
    <form onSubmit={submit} className="grid gap-4">
      <TextField label="Name" value={name} onChange={setName} required maxLength={80} />
      <TextField
        label="URL"
        type="url"
        value={url}
        onChange={setUrl}
        required
        placeholder="https://example.com/persql"
        hint="Must be an https URL that is reachable from the internet."
      />
      <TextField
        label="Tables"
        value={tables}
        onChange={setTables}
        autoCapitalize="none"
        hint="Comma-separated. Leave empty for all tables."
      />
      <fieldset className="grid gap-2">
        <legend className="pb-1 text-sm font-medium">Events</legend>
        {EVENTS.map(([event, what]) => (
          <Checkbox
            key={event}
            label={what}
            checked={events.includes(event)}
            onChange={({ target }) => tick(event, target.checked)}
          />
        ))}
        {events.length === 0 && (
          <p role="alert" className="text-sm font-medium text-danger">
            Select at least one event.
          </p>
        )}
      </fieldset>
      {error && <ErrorPanel error={error} />}
      <DialogActions>
        <Button onClick={close}>Cancel</Button>
        <Button type="submit" look="primary" busy={create.isPending || update.isPending}>
          {webhook ? 'Save webhook' : 'Create webhook'}
        </Button>
      </DialogActions>
    </form>
  )
}
