import { createCipheriv, createDecipheriv, createHmac, timingSafeEqual } from 'node:crypto'

const tagBytes = 16

/** The keys of names: one authenticates, one encrypts. Both have 32 bytes. */
export interface NameKeys {
  readonly mac: Buffer
  readonly encryption: Buffer
}

/**
 * Encrypts a name, so that people without the key can't test whether a known content is stored. Equal names give equal
 * results (SIV: the HMAC of the name is the nonce), in hex, because some file systems ignore case.
 */
export function sealName(name: string, { mac, encryption }: NameKeys): string {
  const tag = authenticate(name, mac)
  const cipher = createCipheriv('aes-256-ctr', encryption, tag)
  return Buffer.concat([tag, cipher.update(name, 'utf8'), cipher.final()]).toString('hex')
}

/** Decrypts a name. Returns undefined if it wasn't encrypted with these keys. */
export function unsealName(sealed: string, { mac, encryption }: NameKeys): string | undefined {
  if (!/^(?:[0-9a-f]{2}){17,}$/.test(sealed)) return undefined
  const bytes = Buffer.from(sealed, 'hex')
  const tag = bytes.subarray(0, tagBytes)
  const decipher = createDecipheriv('aes-256-ctr', encryption, tag)
  const name = Buffer.concat([decipher.update(bytes.subarray(tagBytes)), decipher.final()]).toString('utf8')
  return timingSafeEqual(authenticate(name, mac), tag) ? name : undefined
}

const authenticate = (name: string, key: Buffer): Buffer =>
  createHmac('sha256', key).update(name).digest().subarray(0, tagBytes)
