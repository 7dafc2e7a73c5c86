import { strictEqual as equal, ok, deepStrictEqual as same } from 'node:assert/strict'
import {
  and,
  asc,
  avg,
  count,
  countDistinct,
  desc,
  eq,
  exists,
  getTableColumns,
  gt,
  inArray,
  isNull,
  like,
  max,
  ne,
  placeholder,
  sql,
} from 'drizzle-orm'
import { alias, except, intersect, union, unionAll } from 'drizzle-orm/sqlite-core'
import type { Suite } from '../suite.ts'
import { names, seeded } from './seeded.ts'
import { authors, posts, users } from './tables.ts'

/** Cases of reads. */
export const selecting: Suite = {
  'selects all fields with their modes': seeded(async (orm) => {
    const before = Date.now()
    const [ada] = await orm.select().from(users).where(eq(users.id, 1))
    ok(ada?.createdAt instanceof Date && Math.abs(ada.createdAt.getTime() - before) < 60_000)
    same(
      { ...ada, createdAt: null },
      {
        id: 1,
        name: 'Ada',
        email: 'ada@x',
        verified: true,
        tags: ['a', 'b'],
        createdAt: null,
        touchedMs: null,
        invitedBy: null,
        role: 'user',
        nickname: 'renamed',
        shout: 'ADA',
      },
    )
  }),
  'selects some fields, and SQL with a type': seeded(async (orm) => {
    same(
      await orm
        .select({ n: users.name, twice: sql<number>`${users.id} * 2` })
        .from(users)
        .orderBy(users.id)
        .limit(2),
      [
        { n: 'Ada', twice: 2 },
        { n: 'Bob', twice: 4 },
      ],
    )
  }),
  'selects distinct rows': seeded(async (orm) => {
    same(await orm.selectDistinct({ by: users.invitedBy }).from(users).orderBy(users.invitedBy), [
      { by: null },
      { by: 1 },
    ])
  }),
  'get gives one row or undefined, all gives rows, values gives arrays': seeded(async (orm) => {
    equal((await orm.select().from(users).where(eq(users.name, 'Bob')).get())?.id, 2)
    equal(await orm.select().from(users).where(eq(users.name, 'Nobody')).get(), undefined)
    same(await orm.select({ id: users.id }).from(users).orderBy(users.id).all(), [{ id: 1 }, { id: 2 }, { id: 3 }])
    same(await orm.select({ id: users.id, name: users.name }).from(users).orderBy(users.id).limit(1).values(), [
      [1, 'Ada'],
    ])
    same(await orm.select().from(users).limit(0), [])
  }),
  'filters, orders, limits and skips': seeded(async (orm) => {
    const query = orm.select().from(users)
    same(names(await query.where(and(like(users.name, '%b%'), ne(users.id, 9)))), ['Bob'])
    same(
      names(
        await orm
          .select()
          .from(users)
          .where(inArray(users.id, [1, 3]))
          .orderBy(desc(users.id)),
      ),
      ['Cyd', 'Ada'],
    )
    same(names(await orm.select().from(users).where(isNull(users.email))), ['Cyd'])
    same(names(await orm.select().from(users).orderBy(asc(users.name)).limit(1).offset(1)), ['Bob'])
  }),
  'groups, has and aggregates': seeded(async (orm) => {
    const rows = await orm
      .select({ author: posts.authorId, n: count(), top: max(posts.score), mean: avg(posts.score) })
      .from(posts)
      .groupBy(posts.authorId)
      .having(({ n }) => gt(n, 1))
    same(rows, [{ author: 1, n: 2, top: 2.5, mean: '2' }])
    same(await orm.select({ n: countDistinct(posts.authorId) }).from(posts), [{ n: 2 }])
    equal(await orm.$count(users), 3)
    equal(await orm.$count(users, eq(users.id, 1)), 1)
  }),
  'joins: inner, left with null tables, alias, self': seeded(async (orm) => {
    const joined = await orm
      .select()
      .from(users)
      .leftJoin(posts, eq(posts.authorId, users.id))
      .orderBy(users.id, posts.id)
    same(
      joined.map((row) => [row.users.name, row.posts?.title ?? null]),
      [
        ['Ada', 'One'],
        ['Ada', 'Two'],
        ['Bob', 'Three'],
        ['Cyd', null],
      ],
    )
    equal(joined.at(-1)?.posts, null)
    const inviter = alias(users, 'inviter')
    same(
      await orm
        .select({ name: users.name, by: inviter.name })
        .from(users)
        .innerJoin(inviter, eq(inviter.id, users.invitedBy)),
      [
        { name: 'Bob', by: 'Ada' },
        { name: 'Cyd', by: 'Ada' },
      ],
    )
  }),
  'joins columns of one name without mixing them up': seeded(async (orm) => {
    same(
      await orm
        .select({ u: users.id, p: posts.id })
        .from(posts)
        .innerJoin(users, eq(users.id, posts.authorId))
        .where(eq(posts.id, 3)),
      [{ u: 2, p: 3 }],
    )
  }),
  'subqueries: from, in where, exists': seeded(async (orm) => {
    const sub = orm
      .select({ author: posts.authorId, n: sql<number>`count(*)`.as('n') })
      .from(posts)
      .groupBy(posts.authorId)
      .as('sub')
    same(
      await orm
        .select({ name: users.name, n: sub.n })
        .from(users)
        .innerJoin(sub, eq(sub.author, users.id))
        .orderBy(users.id),
      [
        { name: 'Ada', n: 2 },
        { name: 'Bob', n: 1 },
      ],
    )
    const writers = orm.select({ id: posts.authorId }).from(posts)
    same(names(await orm.select().from(users).where(inArray(users.id, writers))), ['Ada', 'Bob'])
    const own = orm.select().from(posts).where(eq(posts.authorId, users.id))
    same(names(await orm.select().from(users).where(exists(own))), ['Ada', 'Bob'])
  }),
  'WITH in select, insert, update and delete': seeded(async (orm) => {
    const busy = orm
      .$with('busy')
      .as(orm.select({ id: posts.authorId }).from(posts).groupBy(posts.authorId).having(gt(count(), 1)))
    const ids = orm.select({ id: busy.id }).from(busy)
    same(names(await orm.with(busy).select({ name: users.name }).from(users).where(inArray(users.id, ids))), ['Ada'])
    same(
      await orm
        .with(busy)
        .update(users)
        .set({ name: 'Busy' })
        .where(inArray(users.id, ids))
        .returning({ name: users.name }),
      [{ name: 'Busy' }],
    )
    same(await orm.with(busy).delete(posts).where(inArray(posts.authorId, ids)).returning({ id: posts.id }), [
      { id: 1 },
      { id: 2 },
    ])
    const total = orm.$with('total').as(orm.select({ n: sql<string>`'u' || count(*)`.as('n') }).from(users))
    same(
      await orm
        .with(total)
        .insert(users)
        .values({ name: sql`(select n from ${total})` })
        .returning({ name: users.name }),
      [{ name: 'u3' }],
    )
  }),
  'set operations': seeded(async (orm) => {
    const all = () => orm.select({ id: users.id }).from(users)
    const one = () => orm.select({ id: users.id }).from(users).where(eq(users.id, 1))
    same((await unionAll(all(), one())).length, 4)
    same((await union(all(), one())).length, 3)
    same(await intersect(all(), one()), [{ id: 1 }])
    same(await except(all(), one()).orderBy(sql`id`), [{ id: 2 }, { id: 3 }])
  }),
  views: seeded(async (orm) => {
    same(await orm.select().from(authors).orderBy(authors.id), [
      { id: 1, posts: 2 },
      { id: 2, posts: 1 },
    ])
  }),
  'prepared statements with placeholders': seeded(async (orm) => {
    const byId = orm
      .select({ name: users.name })
      .from(users)
      .where(eq(users.id, placeholder('id')))
      .limit(placeholder('n'))
      .prepare()
    same(await byId.all({ id: 2, n: 5 }), [{ name: 'Bob' }])
    same(await byId.get({ id: 1, n: 1 }), { name: 'Ada' })
    const insert = orm
      .insert(users)
      .values({ name: placeholder('name'), verified: placeholder('v') })
      .returning({ v: users.verified })
      .prepare()
    same(await insert.all({ name: 'Dan', v: true }), [{ v: true }])
  }),
  'raw SQL: all, get, values, run': seeded(async (orm) => {
    same(await orm.values(sql`select id, name from users where id < ${3}`), [
      [1, 'Ada'],
      [2, 'Bob'],
    ])
    same(await orm.all(sql`select count(*) from ${users}`), [[3]])
    same(await orm.get(sql`select ${users.name} from ${users} where ${users.id} = ${2}`), ['Bob'])
    await orm.run(sql`update users set name = ${"O'Hara"} where id = 1`)
    same(names(await orm.select({ name: users.name }).from(users).where(eq(users.id, 1))), ["O'Hara"])
  }),
  'getTableColumns minus some': seeded(async (orm) => {
    const { id, name } = getTableColumns(users)
    same(await orm.select({ id, name }).from(users).limit(1), [{ id: 1, name: 'Ada' }])
  }),
}
