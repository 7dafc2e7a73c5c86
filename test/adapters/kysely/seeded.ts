import { type Generated, Kysely, ParseJSONResultsPlugin } from 'kysely'
import { PerSQLDialect } from '../../../packages/kysely/src/index.ts'
import type { Database } from '../../../packages/sdk/src/index.ts'

/** The tables that Kysely's own tests use. */
export interface Tables {
  person: {
    id: Generated<number>
    first_name: string | null
    last_name: string | null
    gender: 'male' | 'female' | 'other'
    children: Generated<number>
    photo: Uint8Array | null
  }
  pet: { id: Generated<number>; name: string; owner_id: number; species: 'dog' | 'cat' | 'hamster' }
  toy: { id: Generated<number>; name: string; price: number; pet_id: number }
}

/** Opens Kysely on a database. */
export const open = (database: Database) => new Kysely<Tables>({ dialect: new PerSQLDialect({ database }) })

/** Returns a case with Jennifer, Arnold and Sylvester, a pet of each, and a toy. */
export const seeded =
  (run: (db: Kysely<Tables>, database: Database) => Promise<void>) => async (database: Database) => {
    const db = open(database)
    await db.schema
      .createTable('person')
      .addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement())
      .addColumn('first_name', 'varchar(255)')
      .addColumn('last_name', 'varchar(255)')
      .addColumn('gender', 'varchar(50)', (column) => column.notNull())
      .addColumn('children', 'integer', (column) => column.notNull().defaultTo(0))
      .addColumn('photo', 'blob')
      .execute()
    await db.schema
      .createTable('pet')
      .addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement())
      .addColumn('name', 'varchar(255)', (column) => column.unique().notNull())
      .addColumn('owner_id', 'integer', (column) => column.references('person.id').onDelete('cascade').notNull())
      .addColumn('species', 'varchar(50)', (column) => column.notNull())
      .execute()
    await db.schema
      .createTable('toy')
      .addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement())
      .addColumn('name', 'varchar(255)', (column) => column.notNull())
      .addColumn('price', 'double precision', (column) => column.notNull())
      .addColumn('pet_id', 'integer', (column) => column.references('pet.id').notNull())
      .execute()
    await db
      .insertInto('person')
      .values([
        { first_name: 'Jennifer', last_name: 'Aniston', gender: 'female' },
        { first_name: 'Arnold', last_name: 'Schwarzenegger', gender: 'male' },
        { first_name: 'Sylvester', last_name: 'Stallone', gender: 'male' },
      ])
      .execute()
    await db
      .insertInto('pet')
      .values([
        { name: 'Catto', owner_id: 1, species: 'cat' },
        { name: 'Doggo', owner_id: 2, species: 'dog' },
        { name: 'Hammo', owner_id: 3, species: 'hamster' },
      ])
      .execute()
    await db.insertInto('toy').values({ name: 'Ball', price: 1.5, pet_id: 2 }).execute()
    await run(db, database)
  }

/** Adds the plugin that parses JSON in rows. */
export const parsing = (db: Kysely<Tables>) => db.withPlugin(new ParseJSONResultsPlugin())

/** Returns the first names of all people, by ID. */
export const people = async (db: Kysely<Tables>) =>
  (await db.selectFrom('person').select('first_name').orderBy('id').execute()).map((row) => row.first_name)
