import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Returns the file with the operator secret of a data folder. */
export const secretFile = (data: string): string => join(data, 'secret')

/** Returns the instance secret. The first start generates it and saves it in `<data>/secret`, readable only by its owner. */
export async function instanceSecret(data: string): Promise<string> {
  const file = secretFile(data)
  if (!existsSync(file)) await writeNewSecret(data)
  const secret = (await readFile(file, 'utf8')).trim()
  if (secret === '') throw new Error(`${file} is empty. Restore it, or delete it to generate a new secret.`)
  return secret
}

/** Replaces the instance secret by a new one. If the process is killed, the old or the new one is there, whole. */
export async function writeNewSecret(data: string): Promise<void> {
  const file = secretFile(data)
  // A draft that a killed process left keeps its mode.
  await rm(`${file}.new`, { force: true })
  await writeFile(`${file}.new`, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600, flush: true })
  await rename(`${file}.new`, file)
}
