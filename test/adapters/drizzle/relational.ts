import { strictEqual as equal, deepStrictEqual as same } from 'node:assert/strict'
import { desc, eq, placeholder, sql } from 'drizzle-orm'
import type { Suite } from '../suite.ts'
import { seeded } from './seeded.ts'
import { likes, posts, users } from './tables.ts'

/** Relational queries. */
export const relational: Suite = {
  'findMany with nested relations, columns, where, order, limit': seeded(async (orm) => {
    await orm.insert(likes).values([
      { userId: 2, postId: 1 },
      { userId: 3, postId: 1 },
    ])
    const found = await orm.query.users.findMany({
      columns: { name: true, verified: true, tags: true },
      with: {
        posts: { columns: { title: true }, orderBy: desc(posts.id), limit: 1, with: { likes: true } },
        inviter: { columns: { name: true } },
      },
      where: (table, { lt }) => lt(table.id, 3),
      orderBy: (table, { desc }) => desc(table.id),
    })
    same(found, [
      { name: 'Bob', verified: false, tags: null, posts: [{ title: 'Three', likes: [] }], inviter: { name: 'Ada' } },
      { name: 'Ada', verified: true, tags: ['a', 'b'], posts: [{ title: 'Two', likes: [] }], inviter: null },
    ])
    const post = await orm.query.posts.findFirst({
      with: { likes: { columns: { userId: true } }, author: { columns: { name: true } } },
    })
    same(post, {
      id: 1,
      authorId: 1,
      title: 'One',
      score: 1.5,
      likes: [{ userId: 2 }, { userId: 3 }],
      author: { name: 'Ada' },
    })
  }),
  'findFirst of nothing, extras, prepared': seeded(async (orm) => {
    equal(await orm.query.users.findFirst({ where: eq(users.id, 99) }), undefined)
    const prepared = orm.query.users
      .findFirst({
        columns: { id: true },
        extras: { low: sql<string>`lower(${users.name})`.as('low') },
        where: eq(users.id, placeholder('id')),
      })
      .prepare()
    same(await prepared.execute({ id: 2 }), { id: 2, low: 'bob' })
  }),
}
