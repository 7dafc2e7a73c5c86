import { expect, test } from 'vitest'
import { canonicalEmail, listIdentities } from './person.ts'

test.each([
  ['Ada@Example.com', 'ada@example.com'],
  ['ada+news@example.com', 'ada@example.com'],
  ['ada+a+b@example.com', 'ada@example.com'],
  ['ada+@example.com', 'ada@example.com'],
  ['a.d.a@gmail.com', 'ada@gmail.com'],
  ['A.da+x.y@GoogleMail.com', 'ada@gmail.com'],
  [' ada@example.com ', 'ada@example.com'],
])('%s is the same person as %s', (one, other) => {
  expect(canonicalEmail(one)).toBe(canonicalEmail(other))
})

test.each([
  ['a.da@example.com', 'ada@example.com'],
  ['ada@example.com', 'ada@example.org'],
  ['ada@mail.example.com', 'ada@example.com'],
  ['ada-news@example.com', 'ada@example.com'],
  ['a.da@gmail.com.example.com', 'ada@gmail.com.example.com'],
  ['a.da@notgmail.com', 'ada@notgmail.com'],
  ['+ada@example.com', '+eve@example.com'],
  ['ada@gmail.com', 'ada@example.com'],
])('%s is a different person than %s', (one, other) => {
  expect(canonicalEmail(one)).not.toBe(canonicalEmail(other))
})

const account = { id: 'u1', email: 'Ada+x@example.com', isVerified: false, providers: [] }
const github = { providerId: 'github', accountId: '42' }

test.each([
  ['nothing', account, []],
  ['a verified email address', { ...account, isVerified: true }, ['email:ada@example.com']],
  ['an account at a provider', { ...account, providers: [github] }, ['github:42']],
  ['both', { ...account, isVerified: true, providers: [github] }, ['email:ada@example.com', 'github:42']],
])('an account with %s is identified by it', (_, given, identities) => {
  expect(listIdentities(given)).toEqual(identities)
})
