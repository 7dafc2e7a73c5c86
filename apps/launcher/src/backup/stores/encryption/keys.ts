import { createHmac, hkdfSync, randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import { StoreError } from '../store-error.ts'
import type { NameKeys } from './sealed-names.ts'

/** The keys of an encrypted target. */
export interface TargetKeys {
  /** The key of contents, with 32 bytes. */
  readonly content: Buffer
  readonly names: NameKeys
}

const headerSchema = z.object({
  format: z.literal(1),
  encryption: z.object({
    kdf: z.literal('scrypt'),
    salt: z.string().regex(/^[0-9a-f]{32,128}$/),
    // Bounds the memory to 1 GiB.
    n: z.union([16, 17, 18, 19, 20].map((bits) => z.literal(2 ** bits))),
    r: z.literal(8),
    p: z.int().min(1).max(4),
    check: z.string(),
  }),
})

/** The blob that says how the keys of a target follow from its passphrase. */
type Header = z.infer<typeof headerSchema>

/** Returns a new header for a passphrase, as text, with keys that no other target has. */
export async function makeHeader(passphrase: string): Promise<string> {
  const encryption = { kdf: 'scrypt', salt: randomBytes(16).toString('hex'), n: 2 ** 17, r: 8, p: 1 } as const
  const check = toCheck(await deriveSecret(passphrase, encryption)).toString('hex')
  return `${JSON.stringify({ format: 1, encryption: { ...encryption, check } }, undefined, 2)}\n`
}

/**
 * Derives the keys of a target from its header. Takes 0.4 s and 128 MiB of memory.
 * @throws StoreError if the passphrase is wrong or the header is damaged
 */
export async function deriveKeys(passphrase: string, header: string): Promise<TargetKeys> {
  const { encryption } = parseHeader(header)
  const secret = await deriveSecret(passphrase, encryption)
  const check = Buffer.from(encryption.check, 'hex')
  const expected = toCheck(secret)
  if (check.length !== expected.length || !timingSafeEqual(check, expected)) {
    throw new StoreError('Wrong passphrase: the target was encrypted with another one.')
  }
  return {
    content: expand(secret, 'content'),
    names: { mac: expand(secret, 'name mac'), encryption: expand(secret, 'name encryption') },
  }
}

function parseHeader(text: string): Header {
  try {
    return headerSchema.parse(JSON.parse(text))
  } catch (cause) {
    throw new StoreError(
      "backup.json of the target is damaged or was written by a newer version of PerSQL, so its backups can't be decrypted.",
      { cause },
    )
  }
}

const toCheck = (secret: Buffer): Buffer => createHmac('sha256', expand(secret, 'check')).update('persql').digest()

const expand = (secret: Buffer, purpose: string): Buffer =>
  Buffer.from(hkdfSync('sha256', secret, '', `persql backup ${purpose}`, 32))

type Derivation = Omit<Header['encryption'], 'check'>

function deriveSecret(passphrase: string, { salt, n, r, p }: Derivation): Promise<Buffer> {
  // Twice the memory that the algorithm needs, because OpenSSL counts its overhead.
  const options = { N: n, r, p, maxmem: 256 * n * r }
  return new Promise((resolve, reject) => {
    scrypt(passphrase, Buffer.from(salt, 'hex'), 32, options, (cause, secret) =>
      cause ? reject(cause) : resolve(secret),
    )
  })
}
