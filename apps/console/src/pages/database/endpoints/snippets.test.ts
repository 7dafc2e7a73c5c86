import type { Endpoint } from '@persql/contract'
import { expect, test } from 'vitest'
import { createSnippets } from './snippets.ts'

const endpoint = (spec: Partial<Endpoint['spec']>) =>
  ({
    url: 'https://db.example/p/acme/main/add',
    spec: { method: 'POST', auth: 'public', input: [], ...spec },
  }) as Endpoint

test('what is posted stands in the body, quoted for the shell, and what the session gives is left out', () => {
  const { curl, fetch } = createSnippets(
    endpoint({
      auth: 'session',
      input: [
        { name: 'mood', type: 'text', enum: ["it's fine"] },
        { name: 'count', type: 'integer', min: 3 },
        { name: '$user_id', type: 'integer' },
      ],
    }),
  )
  expect(curl).toContain(`-d '{"mood":"it'\\''s fine","count":3}'`)
  expect(curl).toContain('Authorization: Bearer SESSION_TOKEN')
  expect(fetch).toContain(`body: JSON.stringify({"mood":"it's fine","count":3})`)
  expect(fetch).not.toContain('$user_id')
})

test('what is fetched stands in the address', () => {
  const { curl, fetch } = createSnippets(endpoint({ method: 'GET', input: [{ name: 'who', type: 'email' }] }))
  expect(curl).toBe("curl 'https://db.example/p/acme/main/add?who=ada%40example.com'")
  expect(fetch).toContain("fetch('https://db.example/p/acme/main/add?who=ada%40example.com')")
})
