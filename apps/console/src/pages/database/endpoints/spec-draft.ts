import type { Endpoint } from '@persql/contract'

/** A spec as it is being written: whatever JSON it is so far. */
export type SpecDraft = Readonly<Record<string, unknown>>
/** A spec as the server tells it. */
export type Spec = Endpoint['spec']
export type Field = Spec['input'][number]

/** What a new endpoint begins with. */
export const FIRST: SpecDraft = {
  slug: '',
  name: '',
  kind: 'query',
  method: 'GET',
  sql: '',
  input: [],
  output: 'rows',
}

/** How a kind is called, and what it answers. */
export const KINDS = {
  query: { name: 'Query (reads rows)', outputs: ['rows', 'first_row'], method: undefined },
  mutation: { name: 'Mutation (writes rows)', outputs: ['rows_written'], method: 'POST' },
  auth_signup: { name: 'Sign-up (creates a user)', outputs: ['session'], method: 'POST' },
  auth_login: { name: 'Sign-in (starts a session)', outputs: ['session'], method: 'POST' },
  ask: { name: 'Ask (AI answers questions)', outputs: ['answer'], method: undefined },
} as const

/** The draft in a text; `undefined` while that is no object in JSON. */
export function draftOf(text: string): SpecDraft | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as SpecDraft) : undefined
  } catch {
    return undefined
  }
}

/** A draft as text. What is not set is left out. */
export const textOf = (draft: SpecDraft): string => JSON.stringify(draft, null, 2)

/** The draft as another kind: with what that takes, and without what only others do. */
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

/** What has to be sent to make a saved spec a draft: its fields, and `null` for what is not in it any more. */
export function changesOf(saved: Spec, draft: SpecDraft): SpecDraft {
  const gone = Object.keys(saved).filter((name) => draft[name] === undefined)
  const { slug: _slug, ...fields } = { ...draft, ...Object.fromEntries(gone.map((name) => [name, null])) } as SpecDraft
  return fields
}
