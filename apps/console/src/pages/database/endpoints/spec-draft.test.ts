import { validateEndpointSpec } from '@persql/endpoint-spec'
import { expect, test } from 'vitest'
import { diffDraft, FIRST, formatDraft, KINDS, ofKind, parseDraft, type Spec } from './spec-draft.ts'

test('only an object in JSON is a draft, and it survives being text', () => {
  for (const text of ['', '{', '[]', 'null', '7']) expect(parseDraft(text)).toBeUndefined()
  expect(parseDraft(formatDraft(FIRST))).toEqual(FIRST)
})

test.each(Object.keys(KINDS) as (keyof typeof KINDS)[])(
  'a new endpoint of type %s is valid once its texts are set',
  (kind) => {
    const draft = { ...ofKind(FIRST, kind), slug: 'one', name: 'One', ...(kind !== 'ask' && { sql: 'SELECT 1' }) }
    expect(validateEndpointSpec(draft)).toMatchObject({ ok: true })
  },
)

test('a change takes out what is gone, and never touches the slug', () => {
  const saved = { ...FIRST, slug: 'one', name: 'One', captcha: true } as unknown as Spec
  const { captcha: _gone, ...draft } = { ...saved, name: 'Two' }
  expect(diffDraft(saved, draft)).toEqual({ ...FIRST, slug: undefined, name: 'Two', captcha: null })
})
