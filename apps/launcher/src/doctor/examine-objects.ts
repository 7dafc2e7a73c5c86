import { existsSync } from 'node:fs'
import { verifyData } from '../backup/verify.ts'
import type { Check } from '../check-files.ts'
import { isEmpty } from '../empty-files.ts'
import type { FileUse } from '../object-files.ts'
import { count, type Finding, ok, problem, warning } from './finding.ts'
import { describeStray, listObjectFiles } from './identify-file.ts'
import { listKnownObjects } from './object-owners.ts'

/** Finds damaged, missing and older files. A running instance is read too. */
export async function* examineObjects(data: string, check: Check, use: FileUse): AsyncGenerator<Finding> {
  let whole = 0
  let damaged = 0
  for await (const { name, problem: damage } of verifyData(data, check, use)) {
    if (damage === undefined) whole++
    else {
      damaged++
      yield problem(name, `${damage}. Restore it from a backup.`)
    }
  }
  if (damaged === 0) yield ok('files', `${count(whole, 'object')} checked by ${check}, none damaged, missing or older.`)
}

/** Finds files that belong to no object of the records. */
export async function* examineStrays(data: string, use: FileUse): AsyncGenerator<Finding> {
  // The files come before the records, because a record exists before its file.
  const files = [...listObjectFiles(data)]
  const unread: string[] = []
  const known = new Set([...listKnownObjects(data, use, unread)].map(({ file }) => file))
  if (unread.length > 0) {
    yield warning(
      'strays',
      `not searched, because the records in ${unread.join(', ')} can't be read. Repair these first.`,
    )
    return
  }
  let strays = 0
  let empty = 0
  for (const file of files) {
    // The instance can have deleted it since.
    if (known.has(file) || !existsSync(file)) continue
    if (await isEmpty(file).catch(() => false)) empty++
    else {
      strays++
      yield warning(
        'strays',
        `${file} has no owner: ${describeStray(file, use)}. Keep it until you know why; then move it away while PerSQL is stopped.`,
      )
    }
  }
  if (strays > 0) return
  yield ok('strays', empty === 0 ? 'none.' : `none. Later starts remove ${count(empty, 'file')} without data.`)
}
