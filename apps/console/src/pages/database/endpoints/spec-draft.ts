import type { Endpoint } from '@persql/contract'

/** A spec while it is edited: any JSON object. */
export type SpecDraft = Readonly<Record<string, unknown>>
/** A spec as the server returns it. */
export type Spec = Endpoint['spec']
export type Field = Spec['input'][number]

/** The spec that a new endpoint starts with. */
export const FIRST: SpecDraft = {
  slug: '',
  name: '',
  kind: 'query',
  method: 'GET',
  sql: '',
  input: [],
  output: 'rows',
}

/** The name and the outputs of each endpoint type. */
export const KINDS = {
  query: { name: 'Query (reads rows)', outputs: ['rows', 'first_row'], method: undefined },
  mutation: { name: 'Mutation (writes rows)', outputs: ['rows_written'], method: 'POST' },
  auth_signup: { name: 'Sign-up (creates a user)', outputs: ['session'], method: 'POST' },
  auth_login: { name: 'Sign-in (starts a session)', outputs: ['session'], method: 'POST' },
  ask: { name: 'Ask (AI answers questions)', outputs: ['answer'], method: undefined },
} as const

/** Parses a draft. Returns `undefined` if the text isn't a JSON object. */
export function parseDraft(text: string): SpecDraft | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as SpecDraft) : undefined
  } catch {
    return undefined
  }
}

/** Formats a draft as JSON. */
export const formatDraft = (draft: SpecDraft): string => JSON.stringify(draft, null, 2)

/** Converts a draft to another type: adds the fields that the type needs and removes those of other types. */
export function ofKind(draft: SpecDraft, kind: keyof typeof KINDS): SpecDraft {
  const { authConfig, askConfig, ...rest } = draft
  const { outputs, method } = KINDS[kind]
  return {
    ...rest,
    kind,
    output: outputs[0],
    ...(method && { method }),
    ...(kind.startsWith('auth_') && {
      authConfig: authConfig ?? { usersTable: 'users' },
      input: [
        { name: 'email', type: 'email', required: true },
        { name: 'password', type: 'text', required: true },
      ],
    }),
    ...(kind === 'ask' && {
      sql: '',
      input: [{ name: 'question', type: 'text', required: true }],
      askConfig: askConfig ?? { allowedTables: [] },
    }),
  }
}

/** Returns the fields to send to update a saved spec. Removed fields are `null`. */
export function diffDraft(saved: Spec, draft: SpecDraft): SpecDraft {
  const gone = Object.keys(saved).filter((name) => draft[name] === undefined)
  const { slug: _slug, ...fields } = { ...draft, ...Object.fromEntries(gone.map((name) => [name, null])) } as SpecDraft
  return fields
}
