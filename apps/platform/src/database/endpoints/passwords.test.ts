import { pbkdf2Sync } from 'node:crypto'
import { beforeAll, describe, expect, test } from 'vitest'
import { type Derive, hashPassword, verifyPassword } from './passwords.ts'

// workerd has these methods, Node 20 doesn't.
beforeAll(() => {
  Uint8Array.prototype.toBase64 ??= function toBase64(this: Uint8Array) {
    return Buffer.from(this).toString('base64')
  }
  Uint8Array.fromBase64 ??= (text: string) => {
    if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text)) throw new SyntaxError('no base64')
    return new Uint8Array(Buffer.from(text, 'base64'))
  }
})

/** Refuses high iteration counts as Cloudflare's runtime does. */
const capped: Derive = async (_password, _salt, iterations) => {
  throw new DOMException(
    `Pbkdf2 failed: iteration counts above 100000 are not supported (requested ${iterations}).`,
    'NotSupportedError',
  )
}
const hashed = (password: string, iterations: number) => {
  const salt = Buffer.from('0123456789abcdef')
  return `pbkdf2_sha256$${iterations}$${salt.toString('base64')}$${pbkdf2Sync(password, salt, iterations, 32, 'sha256').toString('base64')}`
}

describe('a hash', () => {
  test('matches PBKDF2 of other implementations', async () => {
    const [scheme, iterations, salt = '', hash] = (await hashPassword('héllo')).split('$')
    expect([scheme, iterations]).toEqual(['pbkdf2_sha256', '210000'])
    const bytes = Buffer.from(salt, 'base64')
    expect(bytes).toHaveLength(16)
    expect(hash).toBe(pbkdf2Sync('héllo', bytes, 210_000, 32, 'sha256').toString('base64'))
  })

  test('is the same if the runtime rejects the number of iterations', async () => {
    const stored = await hashPassword('secret', capped)
    expect(await verifyPassword('secret', stored)).toBe(true)
    expect(await verifyPassword('secret', hashed('secret', 150_000), capped)).toBe(true)
    expect(await verifyPassword('Secret', stored, capped)).toBe(false)
  })

  test('of another system is accepted with its own number of iterations', async () => {
    expect(await verifyPassword('secret', hashed('secret', 1_000))).toBe(true)
    expect(await verifyPassword('other', hashed('secret', 1_000))).toBe(false)
  })

  test.each([
    undefined,
    null,
    7,
    '',
    'secret',
    'pbkdf2_sha256$210000$$',
    'pbkdf2_sha256$0$AAAA$AAAA',
    'pbkdf2_sha256$9999999$MDEyMw==$MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=',
    'pbkdf2_sha1$1000$MDEyMw==$MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=',
    'pbkdf2_sha256$1000$MDEyMw==$AAAA',
  ])('that is unreadable takes the same time and never matches: %s', async (stored) => {
    const asked: number[] = []
    const watched: Derive = async (_password, _salt, iterations, bytes) => {
      asked.push(iterations)
      return new Uint8Array(bytes)
    }
    expect(await verifyPassword('secret', stored, watched)).toBe(false)
    expect(asked).toEqual([210_000])
  })
})
