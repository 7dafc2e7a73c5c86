import { strictEqual as equal, ok, rejects, deepStrictEqual as same } from 'node:assert/strict'
import { eq, gt, sql, TransactionRollbackError } from 'drizzle-orm'
import type { Suite } from '../suite.ts'
import { causedBy, names, type Orm, seeded } from './seeded.ts'
import { users } from './tables.ts'

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
  'transaction: writes are one transaction at its end': seeded(async (orm, db) => {
    const result = await orm.transaction(async (tx) => {
      await tx.insert(users).values({ name: 'Dan' })
      await tx.run(sql`update users set name = 'Dave' where name = 'Dan'`)
      equal((await db.query('SELECT * FROM users')).rows.length, 3)
      return 'result'
    })
    equal(result, 'result')
    same(names(await orm.select().from(users).where(eq(users.id, 4))), ['Dave'])
    equal(await orm.transaction(async () => 'nothing written'), 'nothing written')
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
      /UNIQUE/,
    )
    equal(await orm.$count(users), 3)
  }),
  'transaction: what needs rows inside says so, and names batch': seeded(async (orm) => {
    const inside: ((tx: Parameters<Parameters<Orm['transaction']>[0]>[0]) => PromiseLike<unknown>)[] = [
      (tx) => tx.select().from(users),
      (tx) => tx.query.users.findFirst(),
      (tx) => tx.insert(users).values({ name: 'X' }).returning(),
      (tx) => tx.get(sql`select 1`),
    ]
    for (const run of inside) {
      await rejects(
        orm.transaction(async (tx) => {
          await run(tx)
        }),
        causedBy(/can't return rows\. Read before the transaction, or use db\.batch/),
      )
    }
    equal(await orm.$count(users), 3)
  }),
  'transaction: inside another it is kept or dropped as a whole': seeded(async (orm) => {
    await orm.transaction(async (tx) => {
      await tx.insert(users).values({ name: 'outer' })
      await tx.transaction((inner) => Promise.resolve(inner.insert(users).values({ name: 'kept' })))
      await tx
        .transaction(async (inner) => {
          await inner.insert(users).values({ name: 'dropped' })
          inner.rollback()
        })
        .catch(() => {})
    })
    same(names(await orm.select().from(users).where(gt(users.id, 3))), ['outer', 'kept'])
  }),
  'transaction: others beside it are not drawn in, and it ends': seeded(async (orm) => {
    let late: { insert: Orm['insert'] } | undefined
    await orm.transaction(async (tx) => {
      late = tx as unknown as { insert: Orm['insert'] }
      await tx.insert(users).values({ name: 'inside' })
      await orm.insert(users).values({ name: 'beside' })
    })
    same(names(await orm.select().from(users).where(gt(users.id, 3))), ['beside', 'inside'])
    await rejects(Promise.resolve(late?.insert(users).values({ name: 'late' })), causedBy(/has already ended/))
  }),
  'BEGIN by hand is refused': seeded(async (orm) => {
    await rejects(orm.run(sql`begin`), causedBy(/BEGIN isn't supported/i))
  }),
}
