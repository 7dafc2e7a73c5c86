import { execFileSync } from 'node:child_process'
import { expect } from 'vitest'
import type { Answer, PlatformClient } from './harness.ts'

/** A database for tests of imports and exports. */
export type Database = ReturnType<PlatformClient['database']>

/** Returns a function that creates databases in one namespace and runs statements in them. */
export function maker(platform: PlatformClient, token: string, namespace = 'acme') {
  let number = 0
  return async (...statements: string[]): Promise<Database> => {
    const slug = `db-${++number}`
    await platform.request('/v1/databases', { token, body: { slug } })
    const db = platform.database(namespace, slug, token)
    for (const sql of statements) expect((await db.query(sql)).status, sql).toBe(200)
    return db
  }
}

/** Imports a file in the request body. `query` has the options. */
export const imported = (db: Database, file: string, query = '', headers: Record<string, string> = {}) =>
  db.request(`/import${query && `?${query}`}`, {
    method: 'POST',
    body: file,
    headers: { 'content-type': 'application/octet-stream', ...headers },
  })

/** Exports a database and returns the text. */
export async function exportText(db: Database, query = ''): Promise<string> {
  const { status, body } = await db.request(`/export${query && `?${query}`}`)
  expect(status, JSON.stringify(body).slice(0, 500)).toBe(200)
  return typeof body === 'string' ? body : JSON.stringify(body)
}

/** Returns the rows of a statement. */
export async function readRows(db: Database, sql: string): Promise<unknown[][]> {
  const { body } = await db.query(sql)
  expect(body.success, JSON.stringify(body)).toBe(true)
  return body.data.rows
}

/** Returns the dump by Debian's sqlite3 of a database created with these statements. */
export const shellDump = (...statements: string[]): string =>
  execFileSync('sqlite3', ['-batch', '-bail', ':memory:'], {
    input: `${statements.map((sql) => `${sql};`).join('\n')}\n.dump\n`,
    encoding: 'utf8',
    maxBuffer: 1e9,
  })

/** Returns the parts of an error that tests compare. */
export const refusal = ({ status, body }: Answer) => [status, body.code, body.line]
