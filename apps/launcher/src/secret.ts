import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** This instance's secret: made on the first start and kept, for the owner's eyes only, in `<data>/secret`. */
export async function instanceSecret(data: string): Promise<string> {
  const file = join(data, 'secret')
  try {
    await writeFile(file, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600, flag: 'wx' })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  const secret = (await readFile(file, 'utf8')).trim()
  if (secret === '') throw new Error(`${file} is empty. Restore it, or remove it to have a new secret made.`)
  return secret
}
