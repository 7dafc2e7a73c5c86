import { expect, test } from 'vitest'
import { credentialAt, type EntryPoint, type Scope } from './operation.ts'

test.each<[EntryPoint, Scope, ReturnType<typeof credentialAt>]>([
  ['bearer', 'readonly', 'token'],
  ['bearer', 'readwrite', 'token'],
  ['bearer', 'admin', 'token'],
  ['bearer', 'operator', 'operator'],
  ['bearer', 'anyone', 'none'],
  ['session', 'account', 'account'],
  ['session', 'member', 'member'],
  ['session', 'readonly', 'member'],
  ['session', 'admin', 'member'],
])('at the entry point "%s", an operation with scope "%s" requires the credential "%s"', (door, scope, credential) => {
  expect(credentialAt(door, { scope })).toBe(credential)
})
