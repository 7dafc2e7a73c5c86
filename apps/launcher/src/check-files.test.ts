import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Sqlite from 'libsql'
import { afterAll, expect, test } from 'vitest'
import { findDamage } from './check-files.ts'

const folder = mkdtempSync(join(tmpdir(), 'persql-check-'))
afterAll(() => rmSync(folder, { recursive: true }))

test.each(['integrity_check', 'quick_check'] as const)('%s runs no constraint of a tenant', (check) => {
  const file = join(folder, `${check}.sqlite`)
  const sqlite = new Sqlite(file)
  // The constraint fails with an error when it is evaluated.
  sqlite.exec(
    "CREATE TABLE t (x CHECK (json(x) <> '')); PRAGMA ignore_check_constraints = ON; INSERT INTO t VALUES ('{')",
  )
  sqlite.close()
  expect(findDamage(file, 'unused', check)).toBeUndefined()
})
