import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import { DamagedBlobError } from '../store-error.ts'

/*
 * A sealed blob is STREAM, as in age, with AES-256-GCM:
 *
 *   magic (8 bytes) | salt (32 bytes) | chunk 0 | chunk 1 | …
 *
 * A chunk is 64 KiB of content, encrypted, and a tag of 16 bytes. Only the last chunk can be shorter, and it is empty only
 * if the whole content is. The key of a blob is HKDF-SHA256(key, salt, magic | name), so a blob can't be opened with
 * the name of another. The nonce of a chunk is its index and whether it is the last, so chunks can't be moved, repeated or
 * cut off.
 */
const magic = Buffer.from('persql\0\x01', 'latin1')
const saltBytes = 32
const headBytes = magic.length + saltBytes
const chunkBytes = 64 * 1024
const tagBytes = 16
const sealedChunkBytes = chunkBytes + tagBytes

/** Encrypts the content of a blob. `key` has 32 bytes. */
export async function* seal(content: AsyncIterable<Uint8Array>, key: Buffer, name: string): AsyncGenerator<Buffer> {
  const salt = randomBytes(saltBytes)
  const blobKey = deriveBlobKey(key, salt, name)
  yield Buffer.concat([magic, salt])
  let index = 0
  for await (const { chunk, isLast } of split(content, chunkBytes, chunkBytes)) {
    const cipher = createCipheriv('aes-256-gcm', blobKey, toNonce(index, isLast))
    yield Buffer.concat([cipher.update(chunk), cipher.final(), cipher.getAuthTag()])
    index += 1
  }
}

/**
 * Decrypts a sealed blob, and yields only content that is authentic.
 * @throws DamagedBlobError if the blob was damaged, cut off or stored with another name or key
 */
export async function* unseal(sealed: AsyncIterable<Uint8Array>, key: Buffer, name: string): AsyncGenerator<Buffer> {
  let blobKey: Buffer | undefined
  let index = 0
  for await (const { chunk, isLast } of split(sealed, sealedChunkBytes, headBytes)) {
    if (blobKey === undefined) {
      if (isLast || !chunk.subarray(0, magic.length).equals(magic)) throw damaged(name)
      blobKey = deriveBlobKey(key, chunk.subarray(magic.length), name)
      continue
    }
    const content = open(chunk, blobKey, toNonce(index, isLast))
    if (content === undefined || (content.length === 0 && index > 0)) throw damaged(name)
    yield content
    index += 1
  }
}

/** Returns the size of the content of a sealed blob. */
export function toContentBytes(sealedBytes: number): number {
  const bytes = Math.max(0, sealedBytes - headBytes)
  return Math.max(0, bytes - tagBytes * Math.ceil(bytes / sealedChunkBytes))
}

function open(chunk: Buffer, key: Buffer, nonce: Buffer): Buffer | undefined {
  if (chunk.length < tagBytes) return undefined
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes })
  decipher.setAuthTag(chunk.subarray(-tagBytes))
  const content = decipher.update(chunk.subarray(0, -tagBytes))
  try {
    decipher.final()
    return content
  } catch {
    return undefined
  }
}

function deriveBlobKey(key: Buffer, salt: Buffer, name: string): Buffer {
  return Buffer.from(hkdfSync('sha256', key, salt, Buffer.concat([magic, Buffer.from(name)]), 32))
}

/** Each blob has its own key, so its nonces only have to differ from each other. */
function toNonce(index: number, isLast: boolean): Buffer {
  const nonce = Buffer.alloc(12)
  nonce.writeUInt32BE(index, 7)
  nonce.writeUInt8(isLast ? 1 : 0, 11)
  return nonce
}

/** Splits content into chunks of equal size, besides the first. The last chunk can be shorter. */
async function* split(
  content: AsyncIterable<Uint8Array>,
  bytes: number,
  firstBytes: number,
): AsyncGenerator<{ chunk: Buffer; isLast: boolean }> {
  let parts: Uint8Array[] = []
  let length = 0
  let wanted = firstBytes
  for await (const part of content) {
    parts.push(part)
    length += part.length
    if (length <= wanted) continue
    let rest = Buffer.concat(parts, length)
    while (rest.length > wanted) {
      yield { chunk: rest.subarray(0, wanted), isLast: false }
      rest = rest.subarray(wanted)
      wanted = bytes
    }
    parts = [rest]
    length = rest.length
  }
  yield { chunk: Buffer.concat(parts, length), isLast: true }
}

const damaged = (name: string): DamagedBlobError =>
  new DamagedBlobError(`${name} of the backup is damaged: it isn't the blob that was stored with this name.`)
