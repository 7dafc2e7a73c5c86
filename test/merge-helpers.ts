import { expect } from 'vitest'
import type { PlatformClient } from './harness.ts'

export type TestDatabase = ReturnType<PlatformClient['database']>

let number = 0

/** Creates a database with a schema, for a test of merges. */
export async function databaseWith(
  platform: PlatformClient,
  token: string,
  statements: readonly string[],
  namespace = 'acme',
) {
  const slug = `db-${++number}`
  await platform.request('/v1/databases', { token, body: { slug } })
  const db = platform.database(namespace, slug, token)
  await ran(db, ...statements)
  return db
}

/** Creates a branch and returns it with the token of its claim. */
export async function createBranch(platform: PlatformClient, db: TestDatabase, ref = 'work'): Promise<TestDatabase> {
  const { body } = await db.request('/claim_branch', { body: { ref, role: 'admin', ttlSec: 0 } })
  expect(body.code).toBeUndefined()
  const [, , , namespace = ''] = db.path.split('/')
  return platform.database(namespace, body.data.databaseSlug, body.data.token)
}

/** Runs statements and fails if one fails. */
export async function ran(db: TestDatabase, ...statements: readonly string[]): Promise<void> {
  for (const sql of statements) {
    const { status, body } = await db.query(sql)
    expect([status, body.error], sql).toEqual([200, undefined])
  }
}

/** Merges a branch and returns the response body. */
export const merge = async (db: TestDatabase, body: object = {}, ref = 'work') =>
  (await db.request(`/branches/${encodeURIComponent(ref)}/merge`, { body })).body

export const readRows = async (db: TestDatabase, sql: string) => {
  const { status, body } = await db.query(sql)
  return status === 200 ? body.data.rows : body.error
}
