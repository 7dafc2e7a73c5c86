import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Returns the instance secret. The first start generates it and saves it in `<data>/secret`, readable only by its owner. */
export async function instanceSecret(data: string): Promise<string> {
  const file = join(data, 'secret')
  if (!existsSync(file)) {
    // A launcher that is killed while it writes must not leave an empty secret.
    await writeFile(`${file}.new`, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600 })
    await rename(`${file}.new`, file)
  }
  const secret = (await readFile(file, 'utf8')).trim()
  if (secret === '') throw new Error(`${file} is empty. Restore it, or delete it to generate a new secret.`)
  return secret
}
