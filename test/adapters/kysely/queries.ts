import { strictEqual as equal, rejects, deepStrictEqual as same } from 'node:assert/strict'
import { expressionBuilder, sql } from 'kysely'
import { jsonArrayFrom, jsonBuildObject, jsonObjectFrom } from 'kysely/helpers/sqlite'
import type { Suite } from '../suite.ts'
import { parsing, people, seeded } from './seeded.ts'

/** Cases of reads. */
export const selecting: Suite = {
  'select: all, aliases, distinct, where, order, limit, offset': seeded(async (db) => {
    const [first] = await db.selectFrom('person').selectAll().orderBy('id').execute()
    same(first, { id: 1, first_name: 'Jennifer', last_name: 'Aniston', gender: 'female', children: 0, photo: null })
    same(await db.selectFrom('person').select(['gender as g']).distinct().orderBy('g').execute(), [
      { g: 'female' },
      { g: 'male' },
    ])
    const query = db.selectFrom('person').select('first_name').orderBy('first_name', 'desc').limit(1).offset(1)
    same(await query.execute(), [{ first_name: 'Jennifer' }])
    const one = db
      .selectFrom('person')
      .select('id')
      .where((eb) => eb.or([eb('first_name', 'in', ['X', 'Arnold']), eb('id', '>', 9)]))
    same(await one.executeTakeFirstOrThrow(), { id: 2 })
    equal(await db.selectFrom('person').select('id').where('id', '=', 99).executeTakeFirst(), undefined)
    await rejects(db.selectFrom('person').select('id').where('id', '=', 99).executeTakeFirstOrThrow(), /no result/)
  }),
  'joins: inner, left, on several columns, subquery': seeded(async (db) => {
    const rows = await db
      .selectFrom('person')
      .innerJoin('pet', 'pet.owner_id', 'person.id')
      .leftJoin('toy', (join) => join.onRef('toy.pet_id', '=', 'pet.id').on('toy.price', '>', 1))
      .select(['first_name', 'pet.name as pet', 'toy.name as toy'])
      .orderBy('person.id')
      .execute()
    same(
      rows.map((row) => [row.first_name, row.pet, row.toy]),
      [
        ['Jennifer', 'Catto', null],
        ['Arnold', 'Doggo', 'Ball'],
        ['Sylvester', 'Hammo', null],
      ],
    )
    const counted = db
      .selectFrom('pet')
      .select(({ fn }) => ['owner_id', fn.countAll<number>().as('n')])
      .groupBy('owner_id')
      .as('counted')
    same(
      await db
        .selectFrom('person')
        .innerJoin(counted, 'counted.owner_id', 'person.id')
        .select(['id', 'n'])
        .where('id', '=', 2)
        .execute(),
      [{ id: 2, n: 1 }],
    )
  }),
  'group by, having, aggregates, case, coalesce': seeded(async (db) => {
    const rows = await db
      .selectFrom('person')
      .select(({ fn, eb }) => [
        'gender',
        fn.count<number>('id').as('n'),
        fn.max('id').as('top'),
        eb.case().when('gender', '=', 'male').then('m').else('f').end().as('short'),
      ])
      .groupBy('gender')
      .having(({ fn }) => fn.count('id'), '>', 1)
      .execute()
    same(rows, [{ gender: 'male', n: 2, top: 3, short: 'm' }])
    const none = await db
      .selectFrom('person')
      .select(({ fn }) => fn.coalesce('photo', sql<string>`'none'`).as('photo'))
      .executeTakeFirst()
    same(none, { photo: 'none' })
  }),
  'with, recursive with, exists, union': seeded(async (db) => {
    const men = db
      .with('men', (qb) => qb.selectFrom('person').where('gender', '=', 'male').selectAll())
      .selectFrom('men')
    same(await men.select('first_name').orderBy('id').execute(), [
      { first_name: 'Arnold' },
      { first_name: 'Sylvester' },
    ])
    const count = db
      .withRecursive('n(i)', (qb) =>
        qb
          .selectNoFrom(sql<number>`1`.as('i'))
          .unionAll(qb.selectFrom('n').select(sql<number>`i + 1`.as('i')).where('n.i', '<', 4)),
      )
      .selectFrom('n')
    same(
      (await count.select('i').execute()).map(({ i }) => i),
      [1, 2, 3, 4],
    )
    const owners = db
      .selectFrom('person')
      .select('id')
      .where(({ exists, selectFrom }) =>
        exists(selectFrom('pet').select('pet.id').whereRef('owner_id', '=', 'person.id').where('species', '=', 'cat')),
      )
    same(await owners.execute(), [{ id: 1 }])
    same(await owners.union(db.selectFrom('pet').select('owner_id as id').where('species', '=', 'dog')).execute(), [
      { id: 1 },
      { id: 2 },
    ])
  }),
  'JSON helpers': seeded(async (db) => {
    const row = await parsing(db)
      .selectFrom('person')
      .select((eb) => [
        'first_name',
        jsonArrayFrom(eb.selectFrom('pet').select(['pet.name', 'species']).whereRef('owner_id', '=', 'person.id')).as(
          'pets',
        ),
        jsonObjectFrom(eb.selectFrom('pet').select('pet.name').whereRef('owner_id', '=', 'person.id')).as('pet'),
        jsonBuildObject({ first: eb.ref('first_name') }).as('name'),
      ])
      .where('id', '=', 1)
      .executeTakeFirst()
    same(row, {
      first_name: 'Jennifer',
      pets: [{ name: 'Catto', species: 'cat' }],
      pet: { name: 'Catto' },
      name: { first: 'Jennifer' },
    })
  }),
  'raw SQL with values, references and tables': seeded(async (db) => {
    const { rows } = await sql<{
      n: string
    }>`select ${sql.ref('first_name')} as n from ${sql.table('person')} where id = ${2}`.execute(db)
    same(rows, [{ n: 'Arnold' }])
    equal((await sql`update person set children = ${5} where id < ${3}`.execute(db)).numAffectedRows, 2n)
    const eb = expressionBuilder<{ person: { id: number } }, 'person'>()
    same(eb('id', '=', 1).toOperationNode().kind, 'BinaryOperationNode')
  }),
  'stream: the rows of one moment, in pieces': seeded(async (db) => {
    const names: (string | null)[] = []
    for await (const row of db.selectFrom('person').select('first_name').orderBy('id').stream(2)) {
      names.push(row.first_name)
      await db.deleteFrom('person').where('first_name', '=', 'Sylvester').execute()
    }
    same([...names], ['Jennifer', 'Arnold', 'Sylvester'])
    for await (const row of db.selectFrom('person').select('first_name').orderBy('id').stream()) {
      names.push(row.first_name)
      break
    }
    equal(names.length, 4)
  }),
  'explain and errors': seeded(async (db) => {
    equal((await db.selectFrom('person').selectAll().explain()).length > 0, true)
    const failed = db.insertInto('pet').values({ name: 'Catto', owner_id: 1, species: 'cat' }).execute()
    await rejects(failed, (error: { detail?: { kind: string } }) => error.detail?.kind === 'unique_violation')
  }),
}

/** Cases of writes. */
export const writing: Suite = {
  'insert: id, many, returning, defaults, from select': seeded(async (db) => {
    const row = { first_name: 'Foo', gender: 'other' as const }
    const result = await db.insertInto('person').values(row).executeTakeFirst()
    same([result.insertId, result.numInsertedOrUpdatedRows], [4n, 1n])
    same(await db.insertInto('person').values([row, row]).returning(['id', 'children']).execute(), [
      { id: 5, children: 0 },
      { id: 6, children: 0 },
    ])
    const copied = db
      .insertInto('pet')
      .columns(['name', 'owner_id', 'species'])
      .expression((eb) =>
        eb
          .selectFrom('pet')
          .select(({ val, ref }) => [
            sql<string>`name || '2'`.as('name'),
            ref('owner_id').as('owner_id'),
            val('cat' as const).as('species'),
          ])
          .where('id', '=', 1),
      )
    equal((await copied.executeTakeFirst()).insertId, 4n)
  }),
  'insert: on conflict, or ignore, or replace': seeded(async (db) => {
    const cat = { name: 'Catto', owner_id: 2, species: 'dog' as const }
    const ignored = await db
      .insertInto('pet')
      .values(cat)
      .onConflict((oc) => oc.column('name').doNothing())
      .executeTakeFirst()
    equal(ignored.numInsertedOrUpdatedRows, 0n)
    equal((await db.insertInto('pet').orIgnore().values(cat).executeTakeFirst()).numInsertedOrUpdatedRows, 0n)
    const updated = db
      .insertInto('pet')
      .values(cat)
      .onConflict((oc) => oc.column('name').doUpdateSet((eb) => ({ species: eb.ref('excluded.species') })))
    same(await updated.returning('species').executeTakeFirst(), { species: 'dog' })
    equal(
      (
        await db
          .replaceInto('pet')
          .values({ ...cat, species: 'hamster' })
          .executeTakeFirst()
      ).numInsertedOrUpdatedRows,
      1n,
    )
    same(await db.selectFrom('pet').select('species').where('name', '=', 'Catto').execute(), [{ species: 'hamster' }])
  }),
  'update: values, expressions, from, returning, counts': seeded(async (db) => {
    const result = await db
      .updateTable('person')
      .set({ last_name: 'X' })
      .where('gender', '=', 'male')
      .executeTakeFirst()
    equal(result.numUpdatedRows, 2n)
    equal(
      (await db.updateTable('person').set({ last_name: 'X' }).where('id', '=', 99).executeTakeFirst()).numUpdatedRows,
      0n,
    )
    same(
      await db
        .updateTable('person')
        .set((eb) => ({ children: eb('children', '+', 2) }))
        .where('id', '=', 1)
        .returning('children')
        .execute(),
      [{ children: 2 }],
    )
    await db
      .updateTable('person')
      .from('pet')
      .set((eb) => ({ last_name: eb.ref('pet.name') }))
      .whereRef('pet.owner_id', '=', 'person.id')
      .where('pet.id', '=', 1)
      .execute()
    same(await db.selectFrom('person').select('last_name').where('id', '=', 1).execute(), [{ last_name: 'Catto' }])
  }),
  'delete: where, returning, cascade, counts': seeded(async (db) => {
    equal((await db.deleteFrom('toy').executeTakeFirst()).numDeletedRows, 1n)
    same(await db.deleteFrom('person').where('id', '=', 1).returning('first_name').execute(), [
      { first_name: 'Jennifer' },
    ])
    equal((await db.selectFrom('pet').selectAll().execute()).length, 2)
    same(await people(db), ['Arnold', 'Sylvester'])
  }),
  'values: bytes, bigint, booleans, null': seeded(async (db) => {
    const photo = new Uint8Array([0, 1, 255])
    await db
      .updateTable('person')
      .set({ photo, children: 9007199254740991n as unknown as number, last_name: null })
      .where('id', '=', 1)
      .execute()
    const row = await db
      .selectFrom('person')
      .select(['photo', 'children', 'last_name'])
      .where('id', '=', 1)
      .executeTakeFirst()
    same([...(row?.photo ?? [])], [0, 1, 255])
    same([row?.children, row?.last_name], [9007199254740991, null])
    same((await sql<{ yes: number }>`select ${true} as yes`.execute(db)).rows, [{ yes: 1 }])
  }),
}
