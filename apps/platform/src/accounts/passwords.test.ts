import { scrypt } from 'node:crypto'
import { promisify } from 'node:util'
import * as library from 'better-auth/crypto'
import { beforeAll, expect, test } from 'vitest'
import { type DeriveScrypt, hashPassword, verifyPassword } from './passwords.ts'

// workerd has these methods, Node 20 doesn't.
beforeAll(() => {
  Uint8Array.prototype.toHex ??= function toHex(this: Uint8Array) {
    return Buffer.from(this).toString('hex')
  }
  Uint8Array.fromHex ??= (text: string) => new Uint8Array(Buffer.from(text, 'hex'))
})

const scryptAsync = promisify<Uint8Array, Uint8Array, number, object, Buffer>(scrypt)
const derive: DeriveScrypt = async (password, salt, bytes) =>
  new Uint8Array(await scryptAsync(password, salt, bytes, { N: 16_384, r: 16, p: 1, maxmem: 2 ** 27 }))

test.each(['correct horse', 'pässwörd', 'ﬁne', '\ud83d', '日本語のパスワード'])(
  'the account library and ours read the hash of each other: %s',
  async (password) => {
    expect(await library.verifyPassword({ hash: await hashPassword(password, derive), password })).toBe(true)
    const hash = await library.hashPassword(password)
    expect(await verifyPassword(password, hash, derive)).toBe(true)
    expect(await verifyPassword(`${password} `, hash, derive)).toBe(false)
  },
)

test('each hash has its own salt', async () => {
  const hashes = await Promise.all([1, 2].map(() => hashPassword('same', derive)))
  expect(hashes[0]).toMatch(/^[0-9a-f]{32}:[0-9a-f]{128}$/)
  expect(hashes[0]).not.toBe(hashes[1])
})

test.each(['', ':', 'salt', 'salt:', ':00', 'salt:zz', `salt:${'0'.repeat(126)}`, `salt:${'0'.repeat(128)}`])(
  'an unreadable or wrong hash takes the same time and never matches: %s',
  async (stored) => {
    const asked: number[] = []
    const watched: DeriveScrypt = async (_password, _salt, bytes) => {
      asked.push(bytes)
      return new Uint8Array(bytes).fill(1)
    }
    expect(await verifyPassword('secret', stored, watched)).toBe(false)
    expect(asked).toEqual([64])
  },
)
