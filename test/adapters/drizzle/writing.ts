import { strictEqual as equal, ok, rejects, deepStrictEqual as same } from 'node:assert/strict'
import { and, eq, sql } from 'drizzle-orm'
import type { Suite } from '../suite.ts'
import { causedBy, names, seeded } from './seeded.ts'
import { blobs, likes, posts, users } from './tables.ts'

/** Cases of writes. */
export const writing: Suite = {
  'insert: returning, many, defaults, SQL': seeded(async (orm) => {
    same(
      await orm
        .insert(users)
        .values({ name: 'Dan', touchedMs: new Date(1234567890123) })
        .returning({ id: users.id, at: users.touchedMs }),
      [{ id: 4, at: new Date(1234567890123) }],
    )
    const many = await orm
      .insert(users)
      .values([{ name: 'E' }, { name: sql`upper('f')` }])
      .returning()
    same(
      many.map(({ id, name, role, verified }) => [id, name, role, verified]),
      [
        [5, 'E', 'user', false],
        [6, 'F', 'user', false],
      ],
    )
  }),
  'insert from select': seeded(async (orm) => {
    const query = orm
      .select({ userId: sql<number>`${users.id}`.as('user_id'), postId: sql<number>`1`.as('post_id') })
      .from(users)
    same((await orm.insert(likes).select(query).returning()).length, 3)
  }),
  'upsert: do nothing, update, where': seeded(async (orm) => {
    await orm.insert(users).values({ id: 1, name: 'No' }).onConflictDoNothing()
    same(
      await orm
        .insert(users)
        .values({ id: 1, name: 'Yes', email: 'ada@x' })
        .onConflictDoUpdate({ target: users.id, set: { name: sql`excluded.name` } })
        .returning({ name: users.name }),
      [{ name: 'Yes' }],
    )
    await orm
      .insert(users)
      .values({ name: 'Mail', email: 'bob@x' })
      .onConflictDoUpdate({ target: users.email, set: { name: 'Mail' }, setWhere: eq(users.id, 99) })
    same(names(await orm.select().from(users).where(eq(users.email, 'bob@x'))), ['Bob'])
    await orm.insert(likes).values({ userId: 1, postId: 1 })
    await orm
      .insert(likes)
      .values({ userId: 1, postId: 1 })
      .onConflictDoNothing({ target: [likes.userId, likes.postId] })
    equal(await orm.$count(likes), 1)
  }),
  'update: set, SQL, null, returning, $onUpdate': seeded(async (orm) => {
    same(
      await orm
        .update(users)
        .set({ tags: ['z'], email: null, verified: sql`not ${users.verified}` })
        .where(eq(users.id, 1))
        .returning({ tags: users.tags, email: users.email, verified: users.verified, nickname: users.nickname }),
      [{ tags: ['z'], email: null, verified: false, nickname: 'renamed' }],
    )
  }),
  'update from another table': seeded(async (orm) => {
    await orm
      .update(posts)
      .set({ title: sql`${users.name} || ${posts.title}` })
      .from(users)
      .where(and(eq(users.id, posts.authorId), eq(users.id, 2)))
    same(await orm.select({ title: posts.title }).from(posts).where(eq(posts.id, 3)), [{ title: 'BobThree' }])
  }),
  'delete: where, returning, cascade': seeded(async (orm) => {
    same(await orm.delete(users).where(eq(users.id, 1)).returning({ id: users.id, verified: users.verified }), [
      { id: 1, verified: true },
    ])
    same(await orm.select({ id: posts.id }).from(posts), [{ id: 3 }])
  }),
  'blobs: bytes, JSON, bigint beyond 64 bits': seeded(async (orm) => {
    const big = 2n ** 70n + 1n
    const bytes = Buffer.from([0, 255, 128, 39])
    await orm.insert(blobs).values([{ id: 1, bytes, json: { a: [1, 2] }, big }, { id: 2 }])
    const [row, empty] = await orm.select().from(blobs)
    ok(Buffer.isBuffer(row?.bytes) && bytes.equals(row.bytes))
    same({ json: row?.json, big: row?.big }, { json: { a: [1, 2] }, big })
    same(empty, { id: 2, bytes: null, json: null, big: null })
    same(await orm.select({ id: blobs.id }).from(blobs).where(eq(blobs.bytes, bytes)), [{ id: 1 }])
  }),
  'errors say what SQLite said': seeded(async (orm) => {
    await rejects(
      orm.insert(users).values({ name: 'X', email: 'ada@x' }),
      (error: { cause: { code: string; detail: { kind: string } } }) => error.cause.detail.kind === 'unique_violation',
    )
    await rejects(
      orm.insert(posts).values({ authorId: 99, title: 'X' }),
      (error: { cause: { detail: { kind: string } } }) => error.cause.detail.kind === 'fk_violation',
    )
    await rejects(orm.run(sql`select nope from users`), causedBy(/nope/))
  }),
}
