import { strictEqual as equal, rejects, deepStrictEqual as same } from 'node:assert/strict'
import { sql } from 'kysely'
import type { Suite } from '../suite.ts'
import { people, seeded } from './seeded.ts'

const foo = { first_name: 'Foo', gender: 'other' as const }
const seededNames = ['Jennifer', 'Arnold', 'Sylvester']

/** Cases of transactions, which are collected and sent in one call. */
export const transactions: Suite = {
  'transaction: writes are one transaction at its end': seeded(async (db, database) => {
    const result = await db.transaction().execute(async (trx) => {
      const inserted = await trx.insertInto('person').values(foo).executeTakeFirst()
      equal(inserted.insertId, undefined)
      await trx.updateTable('person').set({ first_name: 'Bar' }).where('first_name', '=', 'Foo').execute()
      await sql`delete from toy`.execute(trx)
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
  'transaction: other queries and transactions do not wait for it': seeded(async (db) => {
    const outcome = await db.transaction().execute(async (trx) => {
      await trx.insertInto('person').values(foo).execute()
      const seen = await people(db)
      await db.transaction().execute((inner) =>
        inner
          .insertInto('person')
          .values({ ...foo, first_name: 'Baz' })
          .execute(),
      )
      return seen
    })
    same(outcome, seededNames)
    same(await people(db), [...seededNames, 'Baz', 'Foo'])
  }),
  'transaction: what needs rows inside says so': seeded(async (db) => {
    for (const run of [
      (trx: typeof db) => trx.selectFrom('person').selectAll().execute(),
      (trx: typeof db) => trx.insertInto('person').values(foo).returning('id').execute(),
      (trx: typeof db) => trx.deleteFrom('person').returningAll().execute(),
      (trx: typeof db) => sql`select 1`.execute(trx),
      (trx: typeof db) => sql`-- c\nwith a as (select 1) insert into toy select * from a`.execute(trx),
      (trx: typeof db) => sql`delete from person returning id`.execute(trx),
      (trx: typeof db) => trx.introspection.getTables(),
      (trx: typeof db) => trx.selectFrom('person').selectAll().stream().next(),
    ]) {
      await rejects(
        db.transaction().execute(async (trx) => void (await run(trx))),
        /can't return rows\. Read before the transaction/,
      )
    }
    same(await people(db), seededNames)
  }),
  'transaction: isolation levels and access modes that are not there are refused': seeded(async (db) => {
    await rejects(
      db
        .transaction()
        .setIsolationLevel('read committed')
        .execute(async () => {}),
      /serializable/,
    )
    await rejects(
      db
        .transaction()
        .setAccessMode('read only')
        .execute(async () => {}),
      /serializable/,
    )
    await db
      .transaction()
      .setIsolationLevel('serializable')
      .execute((trx) => trx.insertInto('person').values(foo).execute())
    equal((await people(db)).length, 4)
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
            await db.selectFrom('person').selectAll().execute()
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
    await other.insertInto('person').values(foo).execute()
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
