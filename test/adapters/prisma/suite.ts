import { strictEqual as equal, ok, deepStrictEqual as same } from 'node:assert/strict'
import type { Suite } from '../suite.ts'
import { type Client, failure, load, seeded } from './seeded.ts'

const titles = async (prisma: Client) =>
  (await prisma.post.findMany({ orderBy: { id: 'asc' } })).map(({ title }: { title: string }) => title)

/** Cases of Prisma Client. */
export const suite: Suite = {
  'values of every type come back as they went': seeded(async (prisma) => {
    const born = new Date('1815-12-10T06:30:15.123Z')
    const photo = Uint8Array.from({ length: 70_000 }, (_, at) => at % 256)
    const settings = { theme: 'dark', sizes: [1, 2.5, null], nested: { ü: true } }
    const data = {
      ...{ email: 'all@x', name: null, active: false, role: 'ADMIN', visits: 9007199254740991n, score: 0.1 },
      ...{ balance: '12.34', born, photo, settings },
    }
    await prisma.user.create({ data })
    const {
      id,
      createdAt,
      balance,
      photo: stored,
      ...found
    } = await prisma.user.findUnique({ where: { email: 'all@x' } })
    equal(id, 2)
    ok(createdAt instanceof Date && Math.abs(createdAt.getTime() - Date.now()) < 60_000)
    equal(`${balance}`, '12.34')
    same([stored.length, [...stored.slice(250, 260)]], [70_000, [250, 251, 252, 253, 254, 255, 0, 1, 2, 3]])
    same(found, {
      ...{ email: 'all@x', name: null, active: false, role: 'ADMIN', visits: 9007199254740991n, score: 0.1 },
      ...{ born, settings },
    })
    equal(await prisma.user.count({ where: { born: { lt: new Date() }, active: false, visits: { gt: 5n } } }), 1)
    equal(await prisma.user.count({ where: { photo } }), 1)
  }),
  'a BigInt is exact, in models and in raw queries': seeded(async (prisma) => {
    const values = [2n ** 63n - 1n, -(2n ** 63n), 9007199254740993n, 5n]
    for (const visits of values) await prisma.user.create({ data: { email: `${visits}@x`, visits } })
    const where = { email: { in: values.map((visits) => `${visits}@x`) } }
    const found = await prisma.user.findMany({ where, orderBy: { id: 'asc' } })
    same(
      found.map(({ visits }: { visits: bigint }) => visits),
      values,
    )
    equal(await prisma.user.count({ where: { visits: 9007199254740993n } }), 1)
    await prisma.$transaction(async (tx: Client) => {
      const { visits } = await tx.user.update({ where: { email: '5@x' }, data: { visits: { increment: 2n ** 62n } } })
      equal(visits, 2n ** 62n + 5n)
    })
    same(await prisma.$queryRaw`SELECT 1 AS small, 9223372036854775807 AS large, 1.5 AS real`, [
      { small: 1, large: 9223372036854775807n, real: 1.5 },
    ])
    const [mixed] = (await prisma.$queryRaw`SELECT 9007199254740993 AS n UNION ALL SELECT 1.5`) as { n: unknown }[]
    equal(`${mixed?.n}`, '9007199254740993')
  }),
  'nested writes create, connect and return relations': seeded(async (prisma) => {
    const post = await prisma.post.create({
      data: {
        title: 'Three',
        author: { connect: { email: 'ada@x' } },
        tags: { create: { name: 'new' }, connectOrCreate: { where: { name: 'old' }, create: { name: 'old' } } },
      },
      include: {
        author: { select: { name: true, posts: { select: { title: true }, orderBy: { id: 'asc' } } } },
        tags: { orderBy: { name: 'asc' } },
      },
    })
    same(post.author, { name: 'Ada', posts: [{ title: 'One' }, { title: 'Two' }, { title: 'Three' }] })
    same(
      post.tags.map(({ name }: { name: string }) => name),
      ['new', 'old'],
    )
  }),
  'a nested write that fails writes nothing': seeded(async (prisma) => {
    const data = { email: 'eve@x', posts: { create: [{ title: 'Same' }, { title: 'Same' }] } }
    equal((await failure(prisma.user.create({ data }))).code, 'P2002')
    equal(await prisma.user.count(), 1)
    same(await titles(prisma), ['One', 'Two'])
  }),
  'an interactive transaction reads, decides and writes': seeded(async (prisma, db) => {
    const result = await prisma.$transaction(async (tx: Client) => {
      const { visits } = await tx.user.findUniqueOrThrow({ where: { id: 1 } })
      await tx.user.update({ where: { id: 1 }, data: { visits: visits + 2n } })
      equal(await tx.user.count({ where: { visits: 2n } }), 1)
      same((await db.query('SELECT visits FROM User')).rows, [[0]])
      return 'result'
    })
    same([result, (await db.query('SELECT visits FROM User')).rows], ['result', [[2]]])
  }),
  'an interactive transaction that throws writes nothing': seeded(async (prisma) => {
    const error = await failure(
      prisma.$transaction(async (tx: Client) => {
        await tx.post.deleteMany()
        equal(await tx.post.count(), 0)
        throw new Error('mine')
      }),
    )
    equal(error.message, 'mine')
    same(await titles(prisma), ['One', 'Two'])
  }),
  'a query that fails leaves an interactive transaction open': seeded(async (prisma) => {
    await prisma.$transaction(async (tx: Client) => {
      equal((await failure(tx.user.create({ data: { email: 'ada@x' } }))).code, 'P2002')
      await tx.user.create({ data: { email: 'bob@x' } })
    })
    equal(await prisma.user.count(), 2)
  }),
  'a transaction of a list is all or nothing': seeded(async (prisma) => {
    const create = (email: string) => prisma.user.create({ data: { email } })
    const [bob, count] = await prisma.$transaction([create('bob@x'), prisma.user.count()])
    same([bob.email, count], ['bob@x', 2])
    equal((await failure(prisma.$transaction([create('eve@x'), create('ada@x')]))).code, 'P2002')
    equal(await prisma.user.count(), 2)
  }),
  'transactions that increment one value lose no increment': seeded(async (prisma) => {
    const increment = () =>
      prisma.$transaction(
        async (tx: Client) => {
          const { visits } = await tx.user.findUniqueOrThrow({ where: { id: 1 } })
          await tx.user.update({ where: { id: 1 }, data: { visits: visits + 1n } })
        },
        { maxWait: 60_000, timeout: 60_000 },
      )
    await Promise.all(Array.from({ length: 5 }, increment))
    equal((await prisma.user.findUniqueOrThrow({ where: { id: 1 } })).visits, 5n)
  }),
  'a transaction has one isolation level': seeded(async (prisma) => {
    const count = (tx: Client) => tx.user.count()
    equal(await prisma.$transaction(count, { isolationLevel: 'Serializable' }), 1)
    const { Prisma } = load()
    same(Object.keys(Prisma.TransactionIsolationLevel), ['Serializable'])
  }),
  'a unique constraint that is violated is P2002 with its fields': seeded(async (prisma) => {
    const user = await failure(prisma.user.create({ data: { email: 'ada@x' } }))
    const post = await failure(prisma.post.create({ data: { title: 'One', authorId: 1 } }))
    same([user.code, post.code], ['P2002', 'P2002'])
    const fields = [user, post].map(({ meta }) => JSON.stringify(meta))
    ok(fields[0]?.includes('"email"') && fields[1]?.includes('"authorId","title"'), fields.join('\n'))
  }),
  'a foreign key, a missing record, a null and an unknown table have their codes': seeded(async (prisma) => {
    const codes = [
      await failure(prisma.post.create({ data: { title: 'X', authorId: 99 } })),
      await failure(prisma.user.delete({ where: { id: 1 } })),
      await failure(prisma.user.update({ where: { id: 99 }, data: { name: 'X' } })),
      await failure(prisma.user.findUniqueOrThrow({ where: { id: 99 } })),
      await failure(prisma.$executeRaw`INSERT INTO User (email) VALUES (NULL)`),
      await failure(prisma.$queryRaw`SELECT * FROM nope`),
    ].map(({ code }) => code)
    same(codes, ['P2003', 'P2003', 'P2025', 'P2025', 'P2010', 'P2010'])
    await prisma.$executeRaw`DROP TABLE _PostToTag`
    equal((await failure(prisma.post.findMany({ include: { tags: true } }))).code, 'P2021')
  }),
  'an error that only PerSQL has keeps its code and message': seeded(async (prisma) => {
    const { code, message } = await failure(prisma.$queryRawUnsafe('SELECT 1; SELECT 2'))
    same([code, /Only one statement/.test(message)], ['multiple_statements', true])
  }),
  'createMany and createManyAndReturn insert many rows': seeded(async (prisma) => {
    const rows = (from: number, count: number) =>
      Array.from({ length: count }, (_, at) => ({ email: `${from + at}@x`, name: `n${at}` }))
    same(await prisma.user.createMany({ data: rows(0, 200) }), { count: 200 })
    const made = await prisma.user.createManyAndReturn({ data: rows(200, 3), select: { email: true } })
    same(made, [{ email: '200@x' }, { email: '201@x' }, { email: '202@x' }])
    const emails = rows(0, 150).map(({ email }) => email)
    equal(await prisma.user.count({ where: { email: { in: emails } } }), 150)
  }),
  'updateMany, deleteMany and upsert': seeded(async (prisma) => {
    same(
      await prisma.post.updateMany({ where: { authorId: 1 }, data: { title: { set: 'Same' } } }).catch(() => 'unique'),
      'unique',
    )
    same(await prisma.post.updateMany({ where: { title: 'One' }, data: { title: 'Uno' } }), { count: 1 })
    const upsert = (name: string) =>
      prisma.user.upsert({ where: { email: 'bob@x' }, create: { email: 'bob@x', name }, update: { name } })
    same([(await upsert('Bob')).id, (await upsert('Robert')).name], [2, 'Robert'])
    same(await prisma.post.deleteMany({ where: { title: { startsWith: 'U' } } }), { count: 1 })
    same(await titles(prisma), ['Two'])
  }),
  'filters, orders, pages, aggregates and groups': seeded(async (prisma) => {
    const scores = [1, 2.5, 3, null]
    for (const [at, score] of scores.entries()) {
      await prisma.user.create({ data: { email: `${at}@x`, score, active: at % 2 === 0 } })
    }
    const page = await prisma.user.findMany({
      where: { OR: [{ score: { gte: 2 } }, { score: null }], NOT: { email: { contains: 'd' } } },
      ...{ orderBy: [{ score: 'desc' }, { id: 'asc' }], skip: 1, take: 1, select: { email: true } },
    })
    same(page, [{ email: '1@x' }])
    const { _sum, _avg, _count } = await prisma.user.aggregate({
      _sum: { score: true },
      _avg: { score: true },
      _count: true,
    })
    same([_sum.score, _avg.score?.toFixed(2), _count], [6.5, '2.17', 5])
    const groups = await prisma.user.groupBy({ by: ['active'], _count: { _all: true }, orderBy: { active: 'asc' } })
    same(groups, [
      { active: false, _count: { _all: 2 } },
      { active: true, _count: { _all: 3 } },
    ])
    equal(await prisma.user.count({ where: { posts: { some: { title: 'One' } } } }), 1)
  }),
  'raw queries take parameters and return rows': seeded(async (prisma) => {
    const photo = new Uint8Array([0, 255])
    equal(await prisma.$executeRaw`UPDATE User SET photo = ${photo}, score = ${1.5} WHERE id = ${1}`, 1)
    same(await prisma.$queryRaw`SELECT id, name, photo, score, NULL AS none FROM User WHERE email = ${'ada@x'}`, [
      { id: 1, name: 'Ada', photo, score: 1.5, none: null },
    ])
    same(await prisma.$queryRawUnsafe('SELECT count(*) AS n FROM Post WHERE title IN (?, ?)', 'One', 'Two'), [{ n: 2 }])
    const { Prisma } = load()
    same(await prisma.$queryRaw`SELECT title FROM Post WHERE title IN (${Prisma.join(['One', 'Nope'])})`, [
      { title: 'One' },
    ])
    await prisma.$transaction(async (tx: Client) => {
      equal(await tx.$executeRaw`DELETE FROM Post`, 2)
      same(await tx.$queryRaw`SELECT count(*) AS n FROM Post`, [{ n: 0 }])
    })
  }),
}
