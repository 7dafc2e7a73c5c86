import { strictEqual as equal, rejects, deepStrictEqual as same } from 'node:assert/strict'
import { sql } from 'kysely'
import type { Suite } from '../suite.ts'
import { people, seeded } from './seeded.ts'

const foo = { first_name: 'Foo', gender: 'other' as const }
const seededNames = ['Jennifer', 'Arnold', 'Sylvester']

/** Cases of transactions. */
export const transactions: Suite = {
  'transaction: reads, decides and writes, and others see it after the commit': seeded(async (db, database) => {
    const result = await db.transaction().execute(async (trx) => {
      const inserted = await trx.insertInto('person').values(foo).executeTakeFirst()
      equal(inserted.insertId, 4n)
      const { children } = await trx
        .selectFrom('person')
        .select('children')
        .where('id', '=', 4)
        .executeTakeFirstOrThrow()
      const updated = await trx
        .updateTable('person')
        .set({ first_name: 'Bar', children: children + 2 })
        .where('first_name', '=', 'Foo')
        .executeTakeFirst()
      equal(updated.numUpdatedRows, 1n)
      const deleted = await sql`delete from toy returning name`.execute(trx)
      same(deleted.rows, [{ name: 'Ball' }])
      same(await people(trx), [...seededNames, 'Bar'])
      equal((await trx.introspection.getTables()).length, 3)
      const streamed: unknown[] = []
      for await (const row of trx.selectFrom('person').select('children').where('id', '=', 4).stream())
        streamed.push(row)
      same(streamed, [{ children: 2 }])
      equal((await database.query('SELECT * FROM person')).rows.length, 3)
      return 'result'
    })
    equal(result, 'result')
    same(await people(db), [...seededNames, 'Bar'])
    equal(await db.transaction().execute(async () => 'nothing written'), 'nothing written')
  }),
  'transaction: thrown or failing, it writes nothing': seeded(async (db) => {
    const thrown = db.transaction().execute(async (trx) => {
      await trx.insertInto('person').values(foo).execute()
      throw new Error('mine')
    })
    await rejects(thrown, /mine/)
    const failing = db.transaction().execute(async (trx) => {
      await trx.insertInto('person').values(foo).execute()
      await trx.insertInto('pet').values({ name: 'Catto', owner_id: 1, species: 'cat' }).execute()
    })
    await rejects(failing, /UNIQUE/)
    same(await people(db), seededNames)
  }),
  'transaction: reads beside it do not wait, and writes beside it do': seeded(async (db) => {
    let beside: Promise<unknown> | undefined
    const seen = await db.transaction().execute(async (trx) => {
      await trx.insertInto('person').values(foo).execute()
      beside = db.transaction().execute(async (other) => {
        equal((await people(other)).length, 4)
        await other
          .insertInto('person')
          .values({ ...foo, first_name: 'Baz' })
          .execute()
      })
      return people(db)
    })
    await beside
    same(seen, seededNames)
    same(await people(db), [...seededNames, 'Foo', 'Baz'])
  }),
  'transaction: a failed query leaves it open': seeded(async (db) => {
    await db.transaction().execute(async (trx) => {
      await rejects(trx.insertInto('pet').values({ name: 'Catto', owner_id: 1, species: 'cat' }).execute(), /UNIQUE/)
      await trx.insertInto('person').values(foo).execute()
    })
    equal((await people(db)).length, 4)
  }),
  'transaction: read only, and isolation levels that are not there': seeded(async (db) => {
    await rejects(
      db
        .transaction()
        .setIsolationLevel('read committed')
        .execute(async () => {}),
      /serializable/,
    )
    const reading = db.transaction().setAccessMode('read only')
    same(await reading.execute((trx) => people(trx)), seededNames)
    await rejects(
      reading.execute((trx) => trx.insertInto('person').values(foo).execute()),
      { code: 'statement_not_allowed' },
    )
    await db
      .transaction()
      .setIsolationLevel('serializable')
      .setAccessMode('read write')
      .execute((trx) => trx.insertInto('person').values(foo).execute())
    equal((await people(db)).length, 4)
  }),
  'transactions that read and then write lose no update': seeded(async (db) => {
    const increment = () =>
      db.transaction().execute(async (trx) => {
        const { children } = await trx
          .selectFrom('person')
          .select('children')
          .where('id', '=', 1)
          .executeTakeFirstOrThrow()
        await trx
          .updateTable('person')
          .set({ children: children + 1 })
          .where('id', '=', 1)
          .execute()
      })
    await Promise.all(Array.from({ length: 5 }, increment))
    same(await db.selectFrom('person').select('children').where('id', '=', 1).execute(), [{ children: 5 }])
  }),
  'transactions beside each other do not mix': seeded(async (db) => {
    await Promise.all(
      ['a', 'b', 'c'].map((first_name) =>
        db
          .transaction()
          .execute(async (trx) => {
            await trx
              .insertInto('person')
              .values({ ...foo, first_name })
              .execute()
            if (first_name === 'b')
              await trx.insertInto('pet').values({ name: 'Catto', owner_id: 1, species: 'cat' }).execute()
          })
          .catch(() => {}),
      ),
    )
    same((await people(db)).slice(3).sort(), ['a', 'c'])
  }),
  'controlled transaction: commit, rollback, savepoints': seeded(async (db) => {
    const trx = await db.startTransaction().execute()
    await trx
      .insertInto('person')
      .values({ ...foo, first_name: 'one' })
      .execute()
    const saved = await trx.savepoint('sp').execute()
    await saved
      .insertInto('person')
      .values({ ...foo, first_name: 'dropped' })
      .execute()
    const back = await saved.rollbackToSavepoint('sp').execute()
    await back
      .insertInto('person')
      .values({ ...foo, first_name: 'two' })
      .execute()
    await (await back.releaseSavepoint('sp').execute()).commit().execute()
    same((await people(db)).slice(3), ['one', 'two'])

    const other = await db.startTransaction().execute()
    const named = await other.savepoint('a "b"').execute()
    await named.insertInto('person').values(foo).execute()
    equal((await people(named)).length, 6)
    await (await named.rollbackToSavepoint('a "b"').execute()).insertInto('person').values(foo).execute()
    await other.rollback().execute()
    equal((await people(db)).length, 5)
  }),
  'a connection outside a transaction reads and writes immediately': seeded(async (db) => {
    await db.connection().execute(async (connection) => {
      await connection.insertInto('person').values(foo).execute()
      equal((await people(connection)).length, 4)
    })
    await rejects(sql`begin`.execute(db), /BEGIN isn't supported/i)
  }),
}
