import { readFile } from 'node:fs/promises'
import { StoreError } from '../store-error.ts'

const minLength = 12

/**
 * Reads the file of `--passphrase-file`. A line break at its end isn't part of the passphrase.
 * @throws StoreError if the file can't be read or has fewer than 12 characters
 */
export async function readPassphrase(file: string): Promise<string> {
  const content = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    const problem = cause.code === 'ENOENT' ? `Passphrase file ${file} not found` : `Can't read passphrase file ${file}`
    throw new StoreError(`${problem}.`, { cause })
  })
  const passphrase = content.replace(/\r?\n$/, '')
  if (passphrase.length < minLength) {
    throw new StoreError(`The passphrase in ${file} must have at least ${minLength} characters.`)
  }
  return passphrase
}
