import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Brings all that was written into the file itself, where damage can reach it. */
export const settle = (file: string) => execFileSync('sqlite3', [file, 'PRAGMA wal_checkpoint(TRUNCATE)'])
/** Removes the log of a file, which would repair it. */
export const dropBeside = (file: string) => {
  for (const suffix of ['-wal', '-shm']) rmSync(file + suffix, { force: true })
}
/** Overwrites a part of a file with a pattern. */
export const overwrite = (file: string, at: number, length: number) => {
  const bytes = readFileSync(file)
  bytes.fill(0xa5, at, at + length)
  writeFileSync(file, bytes)
}

/** Kinds of damage to the file of an object, by their description. */
export const DAMAGE: Record<string, (file: string) => void> = {
  'an overwritten page': (file) => overwrite(file, 4096, 4096),
  'an overwritten first page': (file) => overwrite(file, 100, 3996),
  'a garbage header': (file) => overwrite(file, 0, 100),
  'all pages but the first overwritten': (file) => overwrite(file, 4096, statSync(file).size - 4096),
  'the second half overwritten': (file) => overwrite(file, statSync(file).size / 2, statSync(file).size / 2),
  'a truncated file': (file) => truncateSync(file, 5 * 4096 + 100),
  'a file of 10 bytes': (file) => truncateSync(file, 10),
  'zero bytes': (file) => truncateSync(file, 0),
  'no file': (file) => rmSync(file),
  'another file': (file) => writeFileSync(file, Buffer.alloc(40_960, 7)),
  'a folder in its place': (file) => {
    rmSync(file)
    mkdirSync(file)
    writeFileSync(join(file, 'x'), 'x')
  },
  'a garbage log beside it': (file) => writeFileSync(`${file}-wal`, Buffer.alloc(20_000, 9)),
}
