import { AsyncLocalStorage } from 'node:async_hooks'
import { timingSafeEqual } from 'node:crypto'

type Bytes = Uint8Array<ArrayBuffer>

/** Derives a key of `bytes` bytes with scrypt and the parameters of the account library. */
export type DeriveScrypt = (password: Bytes, salt: Bytes, bytes: number) => Promise<Bytes>

const SALT_BYTES = 16
const KEY_BYTES = 64

/** The client's network during a call of the account library, which doesn't pass it to the functions of passwords. */
export const callerNetwork = new AsyncLocalStorage<string>()

/** Returns `<salt, hex>:<key, hex>`, the format of the account library. */
export async function hashPassword(password: string, derive: DeriveScrypt): Promise<string> {
  const salt = crypto.getRandomValues(new Uint8Array(SALT_BYTES)).toHex()
  return `${salt}:${(await deriveFrom(password, salt, derive)).toHex()}`
}

/** Returns whether the password matches the stored hash. An unreadable hash matches nothing. */
export async function verifyPassword(password: string, stored: string, derive: DeriveScrypt): Promise<boolean> {
  const [salt = '', key = ''] = stored.split(':')
  const given = await deriveFrom(password, salt, derive)
  const expected = /^[0-9a-f]{128}$/.test(key) ? Uint8Array.fromHex(key) : undefined
  return expected !== undefined && timingSafeEqual(given, expected)
}

/** The library uses the salt's hexadecimal text, not the bytes that it stands for. */
function deriveFrom(password: string, salt: string, derive: DeriveScrypt): Promise<Bytes> {
  return derive(encode(password.normalize('NFKC')), encode(salt), KEY_BYTES)
}

const encode = (text: string): Bytes => Uint8Array.from(new TextEncoder().encode(text))
