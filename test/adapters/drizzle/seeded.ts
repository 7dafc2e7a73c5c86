import { drizzle, type PerSQLDatabase } from '../../../packages/drizzle/src/index.ts'
import type { Database } from '../../../packages/sdk/src/index.ts'
import { CREATE, posts, schema, users } from './tables.ts'

/** The database of a case. */
export type Orm = PerSQLDatabase<typeof schema>
/** Returns a case with tables that contain Ada, Bob and Cyd and three posts. */
export const seeded = (run: (orm: Orm, db: Database) => Promise<void>) => async (db: Database) => {
  await db.transaction(CREATE.map((statement) => ({ sql: statement })))
  const orm = drizzle(db, { schema })
  await orm.insert(users).values([
    { name: 'Ada', email: 'ada@x', verified: true, tags: ['a', 'b'] },
    { name: 'Bob', email: 'bob@x', invitedBy: 1 },
    { name: 'Cyd', invitedBy: 1 },
  ])
  await orm.insert(posts).values([
    { id: 1, authorId: 1, title: 'One', score: 1.5 },
    { id: 2, authorId: 1, title: 'Two', score: 2.5 },
    { id: 3, authorId: 2, title: 'Three' },
  ])
  await run(orm, db)
}
/** Returns the names of rows, in their order. */
export const names = (rows: { name: string }[]) => rows.map(({ name }) => name)
/** Returns a check of an error message. Drizzle wraps errors, so the message can be in the cause. */
export const causedBy = (pattern: RegExp) => (error: Error) =>
  pattern.test(String(error.message)) || pattern.test(String((error.cause as Error)?.message))
