import { strictEqual as equal, ok, deepStrictEqual as same } from 'node:assert/strict'
import { Kysely, type Migration, Migrator, sql } from 'kysely'
import { PerSQLDialect } from '../../../packages/kysely/src/index.ts'
import type { Suite } from '../suite.ts'
import { seeded } from './seeded.ts'

/** Kysely of any tables. */
// biome-ignore lint/suspicious/noExplicitAny: as in Kysely's own migrations
type Any = Kysely<any>

const migrator = (db: Any, migrations: Record<string, Migration>) =>
  new Migrator({ db, provider: { getMigrations: async () => migrations } })
const table = (name: string): Migration => ({
  up: (db) => db.schema.createTable(name).addColumn('id', 'integer').execute(),
  down: (db) => db.schema.dropTable(name).execute(),
})

/** Schema, introspection and migrations. */
export const schema: Suite = {
  'schema: create, alter, index, view, drop': seeded(async (db) => {
    await db.schema
      .alterTable('person')
      .addColumn('nick', 'text', (column) => column.defaultTo('n'))
      .execute()
    await db.schema.alterTable('person').renameColumn('nick', 'nickname').execute()
    await db.schema
      .createIndex('person_names')
      .on('person')
      .columns(['last_name', 'first_name desc'])
      .unique()
      .execute()
    await db.schema
      .createView('men')
      .as(db.selectFrom('person').selectAll().where('gender', '=', 'male'))
      .execute()
    equal((await sql`select * from men`.execute(db)).rows.length, 2)
    await db.schema
      .createTable('copy')
      .ifNotExists()
      .as(db.selectFrom('person').select(['id', 'first_name']))
      .execute()
    equal((await sql`select * from copy`.execute(db)).rows.length, 3)
    await db.schema.alterTable('copy').renameTo('copied').execute()
    await db.schema.dropIndex('person_names').execute()
    await db.schema.dropView('men').execute()
    await db.schema.dropTable('copied').ifExists().execute()
    await db.schema.alterTable('person').dropColumn('nickname').execute()
    same(
      (await db.introspection.getTables()).map(({ name }) => name),
      ['person', 'pet', 'toy'],
    )
  }),
  'introspection: tables, views, columns': seeded(async (db) => {
    await db.schema
      .createView('dogs')
      .as(db.selectFrom('pet').select('name').where('species', '=', 'dog'))
      .execute()
    const { tables } = await db.introspection.getMetadata()
    same(
      tables.map(({ name, isView }) => [name, isView]),
      [
        ['dogs', true],
        ['person', false],
        ['pet', false],
        ['toy', false],
      ],
    )
    same(tables.find(({ name }) => name === 'person')?.columns.slice(0, 5), [
      {
        name: 'id',
        dataType: 'INTEGER',
        isNullable: true,
        isAutoIncrementing: true,
        hasDefaultValue: false,
      },
      {
        name: 'first_name',
        dataType: 'varchar(255)',
        isNullable: true,
        isAutoIncrementing: false,
        hasDefaultValue: false,
      },
      {
        name: 'last_name',
        dataType: 'varchar(255)',
        isNullable: true,
        isAutoIncrementing: false,
        hasDefaultValue: false,
      },
      {
        name: 'gender',
        dataType: 'varchar(50)',
        isNullable: false,
        isAutoIncrementing: false,
        hasDefaultValue: false,
      },
      {
        name: 'children',
        dataType: 'INTEGER',
        isNullable: false,
        isAutoIncrementing: false,
        hasDefaultValue: true,
      },
    ])
    same(await db.introspection.getSchemas(), [])
  }),
  'migrator: up, down, to one, and what failed': async (database) => {
    const db: Any = new Kysely({ dialect: new PerSQLDialect({ database }) })
    const all = { a: table('a'), b: table('b'), c: table('c') }
    const first = await migrator(db, all).migrateTo('b')
    same(
      [first.error, first.results?.map(({ migrationName, status }) => `${migrationName} ${status}`)],
      [undefined, ['a Success', 'b Success']],
    )
    same(
      (await migrator(db, all).migrateToLatest()).results?.map(({ migrationName }) => migrationName),
      ['c'],
    )
    same((await migrator(db, all).migrateToLatest()).results, [])
    same(
      (await migrator(db, all).migrateDown()).results?.map(({ direction }) => direction),
      ['Down'],
    )
    same(
      (await db.introspection.getTables()).map(({ name }) => name),
      ['a', 'b'],
    )
    const broken: Migration = { up: (trx) => sql`create table nope (`.execute(trx).then(() => {}) }
    const { error, results } = await migrator(db, { ...all, d: broken }).migrateToLatest()
    ok(error)
    same(
      results?.map(({ migrationName, status }) => `${migrationName} ${status}`),
      ['c Success', 'd Error'],
    )
    same(
      (await db.introspection.getTables()).map(({ name }) => name),
      ['a', 'b'],
    )
    ok(
      (await migrator(db, all)
        .getMigrations()
        .catch((failure: Error) => failure)) !== undefined,
    )
  },
}
