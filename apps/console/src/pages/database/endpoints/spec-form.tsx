import { Checkbox } from '../../../ui/input.tsx'
import { CodeField, SelectField, TextField } from '../../../ui/text-field.tsx'
import { InputFields } from './input-fields.tsx'
import { type Field, KINDS, ofKind, type SpecDraft } from './spec-draft.ts'

interface SpecFormProps {
  draft: SpecDraft
  onChange: (draft: SpecDraft) => void
  problemOf: (field: string) => string | undefined
  /** Whether the slug can still be edited. It can't be changed after the endpoint is created. */
  isNew: boolean
}

const words = (value: unknown) => (typeof value === 'string' ? value : '')
const items = (text: string) => text.split(/[\s,]+/).filter(Boolean)
const list = (value: unknown) => (Array.isArray(value) ? (value as unknown[]).join(', ') : '')

/** A form with the most common fields of a spec. The JSON editor has all fields. */
export function SpecForm({ draft, onChange, problemOf, isNew }: SpecFormProps) {
  const kind = (words(draft.kind) in KINDS ? draft.kind : 'query') as keyof typeof KINDS
  const set = (name: string, value: unknown) => {
    const { [name]: _old, ...rest } = draft
    onChange(value === undefined ? rest : { ...draft, [name]: value })
  }
  const text = (name: string, label: string) => ({
    label,
    value: words(draft[name]),
    onChange: (value: string) => set(name, value),
    // An empty field of a new endpoint is not a mistake yet.
    error: isNew && words(draft[name]) === '' ? undefined : problemOf(name),
  })
  const { authConfig, askConfig, rateLimit } = draft as Record<string, Record<string, unknown> | undefined>
  return (
    <div className="grid gap-4">
      <div className="grid gap-4 sm:grid-cols-2">
        <TextField {...text('name', 'Name')} />
        <TextField
          {...text('slug', 'Slug')}
          disabled={!isNew}
          className="font-mono"
          autoCapitalize="none"
          spellCheck={false}
          hint={isNew ? "Part of the URL. Can't be changed later." : undefined}
        />
        <SelectField
          label="Type"
          value={kind}
          onChange={(value) => onChange(ofKind(draft, value as keyof typeof KINDS))}
          options={Object.entries(KINDS).map(([key, { name }]) => [key, name])}
          error={problemOf('kind')}
        />
        <SelectField
          {...text('method', 'Method')}
          options={[
            ['GET', 'GET'],
            ['POST', 'POST'],
          ]}
        />
      </div>
      {kind !== 'ask' && (
        <CodeField
          {...text('sql', 'SQL')}
          hint="One statement, with a ? for each input. Values are always bound as parameters."
        />
      )}
      {authConfig && (
        <TextField
          label="Users table"
          value={words(authConfig.usersTable)}
          onChange={(usersTable) => set('authConfig', { ...authConfig, usersTable })}
          hint="Must have the columns email and password_hash."
          error={problemOf('authConfig')}
        />
      )}
      {askConfig && (
        <TextField
          label="Tables the AI can read"
          value={list(askConfig.allowedTables)}
          onChange={(tables) => set('askConfig', { ...askConfig, allowedTables: items(tables) })}
          hint="Comma-separated. Leave empty for all tables."
        />
      )}
      <InputFields
        fields={(Array.isArray(draft.input) ? draft.input : []) as Field[]}
        onChange={(input) => set('input', input)}
        problemOf={problemOf}
      />
      <div className="grid gap-4 sm:grid-cols-2">
        <SelectField {...text('output', 'Response')} options={KINDS[kind].outputs.map((output) => [output, output])} />
        <SelectField
          label="Who can call it"
          value={words(draft.auth) || 'public'}
          onChange={(auth) => set('auth', auth)}
          options={[
            ['public', 'Anyone'],
            ['session', 'Signed-in users of your app'],
          ]}
          error={problemOf('auth')}
        />
        <TextField
          label="Rate limit (calls per minute)"
          type="number"
          min={1}
          value={String(rateLimit?.perMin ?? '')}
          onChange={(perMin) => set('rateLimit', perMin ? { ...rateLimit, perMin: Number(perMin) } : undefined)}
          hint="Per IP address. Leave empty for no limit."
          error={problemOf('rateLimit')}
        />
        <TextField
          label="Allowed origins (CORS)"
          value={list(draft.cors)}
          onChange={(cors) => set('cors', items(cors).length > 0 ? items(cors) : undefined)}
          placeholder="https://app.example.com"
          hint="Comma-separated; * allows any origin. Leave empty to block other sites."
          error={problemOf('cors')}
        />
      </div>
      <Checkbox
        label="Require a captcha"
        checked={draft.captcha === true}
        onChange={({ target }) => set('captcha', target.checked || undefined)}
      />
      <TextField
        {...text('description', 'Description')}
        onChange={(value) => set('description', value || undefined)}
        hint="Shown to AI models."
      />
    </div>
  )
}
