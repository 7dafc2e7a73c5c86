import { rejects, deepStrictEqual as same } from 'node:assert/strict'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { drizzle } from '../../../packages/drizzle/src/index.ts'
import { migrate } from '../../../packages/drizzle/src/migrator.ts'
import type { Suite } from '../suite.ts'

const here = dirname(fileURLToPath(import.meta.url))

/** Cases of Drizzle's migrator. */
export const migrating: Suite = {
  'migrations run once, each whole with its entry': async (db) => {
    const orm = drizzle(db)
    const folder = join(here, 'migrations')
    await migrate(orm, { migrationsFolder: folder })
    await migrate(orm, { migrationsFolder: folder })
    same((await db.query('SELECT name FROM towns')).rows, [['Oslo']])
    same((await db.query('SELECT count(*) FROM __drizzle_migrations')).rows, [[2]])
    same((await db.tables()).map(({ name }) => name).sort(), ['__drizzle_migrations', 'streets', 'towns'])
  },
  'a failing migration leaves nothing, and those before it stay': async (db) => {
    const folder = await mkdtemp(join(tmpdir(), 'persql-drizzle-'))
    try {
      await cp(join(here, 'migrations'), folder, { recursive: true })
      await addMigration(folder, 'CREATE TABLE half (id);--> statement-breakpoint\nINSERT INTO nope VALUES (1);')
      await rejects(migrate(drizzle(db), { migrationsFolder: folder, migrationsTable: 'done' }), /nope/)
      same((await db.tables()).map(({ name }) => name).sort(), ['done', 'streets', 'towns'])
      same((await db.query('SELECT count(*) FROM done')).rows, [[2]])
    } finally {
      await rm(folder, { recursive: true })
    }
  },
  'a table that others reference is rebuilt, and they keep their rows': async (db) => {
    const folder = await mkdtemp(join(tmpdir(), 'persql-drizzle-'))
    try {
      await cp(join(here, 'migrations'), folder, { recursive: true })
      await migrate(drizzle(db), { migrationsFolder: folder })
      for (const action of ['CASCADE', 'SET NULL', 'SET DEFAULT', 'RESTRICT', 'NO ACTION']) {
        const name = action.replace(' ', '_')
        await db.query(`CREATE TABLE ${name} (town INTEGER DEFAULT 1 REFERENCES towns(id) ON DELETE ${action})`)
        await db.query(`INSERT INTO ${name} SELECT id FROM towns`)
      }
      const rebuild = [
        'PRAGMA foreign_keys=OFF;',
        `CREATE TABLE \`__new_towns\` (id INTEGER PRIMARY KEY, name TEXT NOT NULL, country TEXT);`,
        `INSERT INTO \`__new_towns\` (id, name) SELECT id, name FROM towns;`,
        `DROP TABLE \`towns\`;`,
        `ALTER TABLE \`__new_towns\` RENAME TO \`towns\`;`,
        'PRAGMA foreign_keys=ON;',
      ]
      await addMigration(
        folder,
        ['ALTER TABLE streets ADD COLUMN late TEXT;', ...rebuild].join('--> statement-breakpoint\n'),
      )
      await migrate(drizzle(db), { migrationsFolder: folder })
      same((await db.query('SELECT name, country FROM towns')).rows, [['Oslo', null]])
      for (const name of ['CASCADE', 'SET_NULL', 'SET_DEFAULT', 'RESTRICT', 'NO_ACTION']) {
        same((await db.query(`SELECT town FROM ${name}`)).rows, [[1]])
      }
      same((await db.query('SELECT name FROM streets')).rows, [['Karl']])
    } finally {
      await rm(folder, { recursive: true })
    }
  },
  'a rebuild that loses rows which others refer to is refused, and leaves nothing': async (db) => {
    const folder = await mkdtemp(join(tmpdir(), 'persql-drizzle-'))
    try {
      await cp(join(here, 'migrations'), folder, { recursive: true })
      await migrate(drizzle(db), { migrationsFolder: folder })
      await addMigration(
        folder,
        [
          'PRAGMA foreign_keys=OFF;',
          'CREATE TABLE __new (id INTEGER PRIMARY KEY, name TEXT);',
          'DROP TABLE `towns`;',
          'ALTER TABLE __new RENAME TO `towns`;',
          'PRAGMA foreign_keys=ON;',
        ].join('--> statement-breakpoint\n'),
      )
      await rejects(migrate(drizzle(db), { migrationsFolder: folder }), /"streets"/)
      same((await db.query('SELECT name FROM towns')).rows, [['Oslo']])
      same((await db.query('SELECT count(*) FROM __drizzle_migrations')).rows, [[2]])
      await rejects(db.query('INSERT INTO streets (town) VALUES (99)'), /FOREIGN KEY/)
    } finally {
      await rm(folder, { recursive: true })
    }
  },
}

async function addMigration(folder: string, text: string) {
  const file = join(folder, 'meta/_journal.json')
  const journal = JSON.parse(await readFile(file, 'utf8'))
  journal.entries.push({ idx: 2, version: '6', when: 1700000000002, tag: '0002_added', breakpoints: true })
  await writeFile(file, JSON.stringify(journal))
  await writeFile(join(folder, '0002_added.sql'), text)
}
