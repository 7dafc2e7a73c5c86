import type { Schedule } from '@persql/contract'
import { type FormEvent, useState } from 'react'
import { useApiMutation } from '../../../api/hooks.ts'
import { useDatabase, useNamespace } from '../../../shell/paths.ts'
import { Button } from '../../../ui/button.tsx'
import { DialogActions } from '../../../ui/dialog.tsx'
import { ErrorPanel } from '../../../ui/error-panel.tsx'
import { CodeField, SelectField, TextField } from '../../../ui/text-field.tsx'
import { toast } from '../../../ui/toast.tsx'
import { joinInterval, splitInterval, unitOptions } from './interval.ts'

const LIST = 'GET /api/namespaces/{ns}/databases/{db}/schedules'

/** A form that creates or updates a schedule. */
export function ScheduleForm({ schedule, close }: { schedule: Schedule | undefined; close: () => void }) {
  const [ns, db] = [useNamespace(), useDatabase()]
  const [name, setName] = useState(schedule?.name ?? '')
  const [sql, setSql] = useState(schedule?.sql ?? '')
  const [params, setParams] = useState(JSON.stringify(schedule?.params ?? []))
  const [every, setEvery] = useState(splitInterval(schedule?.intervalSec ?? 3_600))
  const create = useApiMutation('POST /api/namespaces/{ns}/databases/{db}/schedules', [LIST])
  const update = useApiMutation('PATCH /api/namespaces/{ns}/databases/{db}/schedules/{id}', [LIST])
  const list = parseList(params)
  const intervalSec = joinInterval(every.count, every.unit)
  const problem = intervalProblem(intervalSec)
  const error = create.error ?? update.error
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    if (!list || problem) return
    const fields = { ns, db, name, sql, params: list, intervalSec }
    const saved = schedule ? update.mutateAsync({ ...fields, id: schedule.id }) : create.mutateAsync(fields)
    if (!(await saved.catch(() => undefined))) return
    toast(`“${name}” saved.`)
    close()
  }
  return (
    <form onSubmit={submit} className="grid gap-4">
      <TextField label="Name" value={name} onChange={setName} required maxLength={80} />
      <CodeField
        label="SQL"
        value={sql}
        onChange={setSql}
        required
        hint="One statement. It runs with your permissions."
      />
      <div className="grid grid-cols-2 gap-3">
        <TextField
          label="Run every"
          type="number"
          min={1}
          required
          value={String(every.count)}
          onChange={(count) => setEvery({ ...every, count: Number(count) })}
          error={problem}
        />
        <SelectField
          label="Unit"
          value={every.unit}
          onChange={(unit) => setEvery({ ...every, unit })}
          options={unitOptions}
        />
      </div>
      <TextField
        label="Parameters"
        value={params}
        onChange={setParams}
        className="font-mono"
        hint="A value for each ? in the statement, as a JSON array."
        error={list ? undefined : 'Not a JSON array. Example: [1, "two"]'}
      />
      {error && <ErrorPanel error={error} />}
      <DialogActions>
        <Button onClick={close}>Cancel</Button>
        <Button type="submit" look="primary" busy={create.isPending || update.isPending}>
          {schedule ? 'Save schedule' : 'Create schedule'}
        </Button>
      </DialogActions>
    </form>
  )
}

const intervalProblem = (seconds: number) =>
  Number.isInteger(seconds) && seconds >= 60 && seconds <= 604_800 ? undefined : 'Must be from 1 minute to 7 days.'

function parseList(text: string): Schedule['params'] | undefined {
  try {
    const value: unknown = JSON.parse(text || '[]')
    return Array.isArray(value) ? value : undefined
  } catch {
    return undefined
  }
}
