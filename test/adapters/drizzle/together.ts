import { strictEqual as equal, ok, rejects, deepStrictEqual as same } from 'node:assert/strict'
import { eq, gt, sql, TransactionRollbackError } from 'drizzle-orm'
import type { Suite } from '../suite.ts'
import { causedBy, names, type Orm, seeded } from './seeded.ts'
import { posts, users } from './tables.ts'

/** Batches and transactions. */
export const together: Suite = {
  'batch: one transaction, the result of each': seeded(async (orm) => {
    const [inserted, nothing, selected, one, many] = await orm.batch([
      orm.insert(users).values({ name: 'Dan' }).returning({ id: users.id }),
      orm.update(users).set({ name: 'Dave' }).where(eq(users.name, 'Dan')),
      orm.select({ name: users.name }).from(users).where(eq(users.id, 4)),
      orm.query.users.findFirst({ columns: { name: true }, where: eq(users.id, 4) }),
      orm.query.posts.findMany({ columns: { id: true } }),
    ])
    same(
      { inserted, selected, one, many },
      {
        inserted: [{ id: 4 }],
        selected: [{ name: 'Dave' }],
        one: { name: 'Dave' },
        many: [{ id: 1 }, { id: 2 }, { id: 3 }],
      },
    )
    ok(nothing)
  }),
  'batch: a failure undoes all': seeded(async (orm) => {
    await rejects(
      orm.batch([orm.insert(users).values({ name: 'Dan' }), orm.insert(users).values({ name: 'E', email: 'ada@x' })]),
    )
    equal(await orm.$count(users), 3)
  }),
  'transaction: reads, decides and writes, and others see it after the commit': seeded(async (orm, db) => {
    const result = await orm.transaction(async (tx) => {
      const [inserted] = await tx.insert(users).values({ name: 'Dan' }).returning()
      equal(inserted?.id, 4)
      await tx.run(sql`update users set name = 'Dave' where name = 'Dan'`)
      same(await tx.get(sql`select name from users where id = 4`), ['Dave'])
      same(names(await tx.select().from(users).where(gt(users.id, 3))), ['Dave'])
      const found = await tx.query.users.findFirst({ where: eq(users.id, 1), with: { posts: true } })
      equal(found?.posts.length, 2)
      equal(await tx.$count(users), 4)
      equal((await db.query('SELECT * FROM users')).rows.length, 3)
      return 'result'
    })
    equal(result, 'result')
    same(names(await orm.select().from(users).where(eq(users.id, 4))), ['Dave'])
    equal(await orm.transaction(async () => 'nothing written'), 'nothing written')
  }),
  'transactions that read and then write lose no update': seeded(async (orm) => {
    const increment = () =>
      orm.transaction(async (tx) => {
        const [post] = await tx.select({ score: posts.score }).from(posts).where(eq(posts.id, 1))
        await tx
          .update(posts)
          .set({ score: (post?.score ?? 0) + 1 })
          .where(eq(posts.id, 1))
      })
    await Promise.all(Array.from({ length: 5 }, increment))
    same(await orm.select({ score: posts.score }).from(posts).where(eq(posts.id, 1)), [{ score: 6.5 }])
  }),
  'transaction: thrown, rolled back or failing, it writes nothing': seeded(async (orm) => {
    await rejects(
      orm.transaction(async (tx) => {
        await tx.insert(users).values({ name: 'Dan' })
        throw new Error('mine')
      }),
      /mine/,
    )
    await rejects(
      orm.transaction(async (tx) => {
        await tx.insert(users).values({ name: 'Dan' })
        tx.rollback()
      }),
      TransactionRollbackError,
    )
    await rejects(
      orm.transaction(async (tx) => {
        await tx.insert(users).values({ name: 'Dan' })
        await tx.insert(users).values({ name: 'E', email: 'ada@x' })
      }),
      causedBy(/UNIQUE/),
    )
    equal(await orm.$count(users), 3)
  }),
  'transaction: inside another it is a savepoint': seeded(async (orm) => {
    await orm.transaction(async (tx) => {
      await tx.insert(users).values({ name: 'outer' })
      await tx.transaction(async (inner) => {
        const [kept] = await inner.insert(users).values({ name: 'kept' }).returning()
        await inner.transaction((innermost) => innermost.delete(posts).where(eq(posts.id, kept?.id ?? 0)))
      })
      await tx
        .transaction(async (inner) => {
          await inner.insert(users).values({ name: 'dropped' })
          equal(await inner.$count(users), 6)
          inner.rollback()
        })
        .catch((error) => ok(error instanceof TransactionRollbackError))
      equal(await tx.$count(users), 5)
    })
    same(names(await orm.select().from(users).where(gt(users.id, 3))), ['outer', 'kept'])
  }),
  'transaction: reads beside it do not wait, writes beside it do, and it ends': seeded(async (orm) => {
    let late: { insert: Orm['insert'] } | undefined
    let beside: Promise<unknown> | undefined
    await orm.transaction(async (tx) => {
      late = tx as unknown as { insert: Orm['insert'] }
      await tx.insert(users).values({ name: 'inside' })
      beside = orm.insert(users).values({ name: 'beside' }).execute()
      equal(await orm.$count(users), 3)
    })
    await beside
    same(names(await orm.select().from(users).where(gt(users.id, 3))), ['inside', 'beside'])
    await rejects(Promise.resolve(late?.insert(users).values({ name: 'late' })), causedBy(/has already ended/))
  }),
  'BEGIN by hand is refused': seeded(async (orm) => {
    await rejects(orm.run(sql`begin`), causedBy(/BEGIN isn't supported/i))
  }),
}
