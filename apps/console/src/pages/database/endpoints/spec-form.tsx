import { Checkbox } from '../../../ui/input.tsx'
import { CodeField, SelectField, TextField } from '../../../ui/text-field.tsx'
import { InputFields } from './input-fields.tsx'
import { type Field, KINDS, ofKind, type SpecDraft } from './spec-draft.ts'

interface SpecFormProps {
  draft: SpecDraft
  onChange: (draft: SpecDraft) => void
  findProblem: (field: string) => string | undefined
  /** Whether the slug can still be edited. It can't be changed after the endpoint is created. */
  isNew: boolean
}

/** A form with the most common fields of a spec. The JSON editor has all fields. */
export function SpecForm(props: SpecFormProps) {
  const { draft, onChange, findProblem, isNew } = props
  const fields = bindFields(props)
  return (
    <div className="grid gap-4">
      <div className="grid gap-4 sm:grid-cols-2">
        <TextField {...fields.bind('name', 'Name')} />
        <TextField
          {...fields.bind('slug', 'Slug')}
          disabled={!isNew}
          className="font-mono"
          autoCapitalize="none"
          spellCheck={false}
          hint={isNew ? "Part of the URL. Can't be changed later." : undefined}
        />
        <SelectField
          label="Type"
          value={fields.kind}
          onChange={(value) => onChange(ofKind(draft, value as keyof typeof KINDS))}
          options={Object.entries(KINDS).map(([key, { name }]) => [key, name])}
          error={findProblem('kind')}
        />
        <SelectField
          {...fields.bind('method', 'Method')}
          options={[
            ['GET', 'GET'],
            ['POST', 'POST'],
          ]}
        />
      </div>
      <SourceFields {...fields} />
      <InputFields
        fields={(Array.isArray(draft.input) ? draft.input : []) as Field[]}
        onChange={(input) => fields.set('input', input)}
        findProblem={findProblem}
      />
      <AccessFields {...fields} />
      <TextField
        {...fields.bind('description', 'Description')}
        onChange={(value) => fields.set('description', value || undefined)}
        hint="Shown to AI models."
      />
    </div>
  )
}

type SpecFields = ReturnType<typeof bindFields>

/** The data that the endpoint reads or changes. */
function SourceFields({ kind, authConfig, askConfig, set, bind, findProblem }: SpecFields) {
  return (
    <>
      {kind !== 'ask' && (
        <CodeField
          {...bind('sql', 'SQL')}
          hint="One statement, with a ? for each input. Values are always bound as parameters."
        />
      )}
      {authConfig && (
        <TextField
          label="Users table"
          value={asText(authConfig.usersTable)}
          onChange={(usersTable) => set('authConfig', { ...authConfig, usersTable })}
          hint="Needs a primary key, a unique email column and the column password_hash."
          error={findProblem('authConfig')}
        />
      )}
      {askConfig && (
        <TextField
          label="Tables the AI can read"
          value={joinList(askConfig.allowedTables)}
          onChange={(tables) => set('askConfig', { ...askConfig, allowedTables: splitList(tables) })}
          hint="Comma-separated. Leave empty for all tables."
        />
      )}
    </>
  )
}

/** The response, and the limits on who can call the endpoint and how often. */
function AccessFields({ draft, kind, rateLimit, set, bind, findProblem }: SpecFields) {
  return (
    <>
      <div className="grid gap-4 sm:grid-cols-2">
        <SelectField {...bind('output', 'Response')} options={KINDS[kind].outputs.map((output) => [output, output])} />
        <SelectField
          label="Who can call it"
          value={asText(draft.auth) || 'public'}
          onChange={(auth) => set('auth', auth)}
          options={[
            ['public', 'Anyone'],
            ['session', 'Signed-in users of your app'],
          ]}
          error={findProblem('auth')}
        />
        <TextField
          label="Rate limit (calls per minute)"
          type="number"
          min={1}
          value={String(rateLimit?.perMin ?? '')}
          onChange={(perMin) => set('rateLimit', perMin ? { ...rateLimit, perMin: Number(perMin) } : undefined)}
          hint="Per IP address. Leave empty for no limit."
          error={findProblem('rateLimit')}
        />
        <TextField
          label="Allowed origins (CORS)"
          value={joinList(draft.cors)}
          onChange={(cors) => set('cors', splitList(cors).length > 0 ? splitList(cors) : undefined)}
          placeholder="https://app.example.com"
          hint="Comma-separated; * allows any origin. Leave empty to block other sites."
          error={findProblem('cors')}
        />
      </div>
      <Checkbox
        label="Require a captcha"
        checked={draft.captcha === true}
        onChange={({ target }) => set('captcha', target.checked || undefined)}
      />
    </>
  )
}

/** Returns a draft with the functions that its fields need. */
function bindFields({ draft, onChange, findProblem, isNew }: SpecFormProps) {
  const set = (name: string, value: unknown) => {
    const { [name]: _old, ...rest } = draft
    onChange(value === undefined ? rest : { ...draft, [name]: value })
  }
  const { authConfig, askConfig, rateLimit } = draft as Record<string, Record<string, unknown> | undefined>
  return {
    draft,
    authConfig,
    askConfig,
    rateLimit,
    kind: (asText(draft.kind) in KINDS ? draft.kind : 'query') as keyof typeof KINDS,
    /** Changes a field of the draft. `undefined` removes it. */
    set,
    /** Returns the props of a text field. */
    bind: (name: string, label: string) => ({
      label,
      value: asText(draft[name]),
      onChange: (value: string) => set(name, value),
      // An empty field of a new endpoint is not a mistake yet.
      error: isNew && asText(draft[name]) === '' ? undefined : findProblem(name),
    }),
    findProblem,
  }
}

const asText = (value: unknown) => (typeof value === 'string' ? value : '')
const splitList = (text: string) => text.split(/[\s,]+/).filter(Boolean)
const joinList = (value: unknown) => (Array.isArray(value) ? (value as unknown[]).join(', ') : '')
