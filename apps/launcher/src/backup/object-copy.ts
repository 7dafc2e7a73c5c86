import { createHash } from 'node:crypto'
import { closeSync, existsSync, openSync, writeSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { readFile } from '../object-files.ts'

/** Time stamps of files are this exact at best: a later write can leave the same one. */
const settledMs = 2_000

/** The content of a copied file. */
export interface Content {
  readonly sha256: string
  readonly bytes: number
}

/**
 * Copies the committed state of a SQLite file that the running platform can have open. The copy has the same bytes as
 * the file after a checkpoint: the same pages, so also the same free pages, row IDs and header. Returns `undefined` if
 * the file is missing or has no pages.
 * @throws Error if SQLite can't read the file
 */
export function copyObject(file: string, copy: string): Content | undefined {
  if (!existsSync(file)) return undefined
  return readFile(file, (sqlite) => {
    const target = openSync(copy, 'w', 0o600)
    try {
      const digest = createHash('sha256')
      let bytes = 0
      // One statement is one read transaction. Opening the file itself would end SQLite's locks on it.
      const pages = sqlite.prepare('SELECT data FROM sqlite_dbpage').raw().iterate() as Iterable<[Buffer]>
      for (const [page] of pages) {
        digest.update(page)
        writeSync(target, page)
        bytes += page.length
      }
      return bytes === 0 ? undefined : { sha256: digest.digest('hex'), bytes }
    } finally {
      closeSync(target)
    }
  })
}

/**
 * Returns a text that changes with every write to a SQLite file, or `undefined` if the last write was too recent to
 * tell.
 */
export async function readSourceState(file: string): Promise<string | undefined> {
  const states = await Promise.all([readState(file), readState(`${file}-wal`)])
  const newestMs = Math.max(...states.map((state) => state?.writtenMs ?? 0))
  if (newestMs > Date.now() - settledMs) return undefined
  return states.map((state) => state?.text ?? '').join(' ')
}

async function readState(file: string): Promise<{ text: string; writtenMs: number } | undefined> {
  const found = await stat(file, { bigint: true }).catch(() => undefined)
  // The runtime creates an empty log when it opens a file.
  if (found === undefined || found.size === 0n) return undefined
  return { text: `${found.ino}:${found.size}:${found.mtimeNs}`, writtenMs: Number(found.mtimeMs) }
}
