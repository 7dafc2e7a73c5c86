import type { Example } from './client-examples.ts'

/** The examples of a database, in the order in which a test runs them. */
export const databaseExamples = {
  'db.query': async ({ db }) => {
    const { data, meta } = await db.query<{ id: number; name: string }>('SELECT id, name FROM people WHERE name = ?', [
      'Ada',
    ])
    console.log(data[0]?.name, meta?.costUsd)
  },
  'db.batch': async ({ db }) => {
    const [people, tables] = await db.batch([
      { sql: 'SELECT count(*) AS n FROM people' },
      { sql: "SELECT name FROM sqlite_schema WHERE type = 'table'" },
    ])
    console.log(people?.data, tables?.data)
  },
  'db.transaction': async ({ db }) => {
    const count = await db.transaction(async (tx) => {
      const { data } = await tx.query<{ n: number }>('SELECT count(*) AS n FROM people')
      const n = data[0]?.n ?? 0
      if (n < 100) await tx.query('INSERT INTO people (name) VALUES (?)', [`Member ${n + 1}`])
      return n
    })
    console.log(count)

    // A list of statements that need no result in between is one request.
    await db.transaction([
      { sql: 'INSERT INTO people (name) VALUES (?)', params: ['Grace'] },
      { sql: "UPDATE people SET name = 'Hopper' WHERE name = 'Grace'", expect: { rowsWritten: { min: 1 } } },
    ])
  },
  'db.begin': async ({ db }) => {
    const tx = await db.begin()
    try {
      await tx.query("INSERT INTO people (name) VALUES ('Katherine')")
      await tx.commit()
    } catch (error) {
      await tx.rollback()
      throw error
    }
  },
  'db.script': async ({ db }) => {
    const results = await db.script('SELECT 1 AS one; SELECT 2 AS two', { transaction: true })
    for (const { line, data } of results) console.log(line, data)
  },
  'db.with': async ({ db }) => {
    const exact = db.with({ int64: 'bigint' })
    const { data } = await exact.query<{ big: bigint }>('SELECT 9223372036854775807 AS big')
    console.log(data[0]?.big) // 9223372036854775807n
  },
  'db.tables': async ({ db }) => {
    for (const { name, rowCount } of await db.tables()) console.log(name, rowCount)
  },
  'db.explain': async ({ db }) => {
    const { kind, writes, plan } = await db.explain('DELETE FROM people WHERE id = ?', [1])
    console.log(kind, writes, plan[0]?.detail)
  },
  'db.validate': async ({ db }) => {
    const { ok, errorDetail } = await db.validate('SELECT * FROM nope')
    console.log(ok, errorDetail?.kind) // false unknown_table
  },
  'db.schema': async ({ db }) => {
    const { tables } = await db.schema()
    console.log(tables.map(({ name, columns }) => [name, columns.length]))
  },
  'db.setDescription': async ({ db }) => {
    await db.setDescription({
      databaseDescription: 'Members of the club',
      tables: [{ table: 'people', description: 'One row each', columns: [] }],
    })
  },
  'db.describe': async ({ db }) => {
    const { databaseDescription, tables } = await db.describe()
    console.log(databaseDescription, tables[0]?.description)
  },
  'db.describeCompact': async ({ db }) => {
    const prompt = `Answer with one SELECT.\n\n${await db.describeCompact()}`
    console.log(prompt)
  },
  'db.search': async ({ db }) => {
    const { hits } = await db.search('club members', { limit: 5 })
    console.log(hits[0]?.table)
  },
  'db.doctor': async ({ db }) => {
    for (const { severity, table, message } of (await db.doctor()).findings) console.log(severity, table, message)
  },
  'db.queryLog': async ({ db }) => {
    const slowest = (await db.queryLog({ limit: 1_000 })).sort((a, b) => b.duration_ms - a.duration_ms)[0]
    console.log(slowest?.sql, slowest?.duration_ms)
  },
  'db.ask': async ({ db }) => {
    const { sql, data } = await db.ask('How many people are there?', { allowedTables: ['people'] })
    console.log(sql, data)
  },
  'db.createSession': async ({ db }) => {
    const { token, expiresAt } = await db.createSession({ userId: 7, expiresIn: 3_600 })
    console.log(token, expiresAt)
  },
  'db.fork': async ({ db }) => {
    const { slug, expiresAt } = await db.fork('rehearsal', { ttlDays: 7 })
    console.log(slug, expiresAt)
  },
  'db.export': async ({ db }) => {
    const response = await db.export({ format: 'csv', table: 'people' })
    console.log(await response.text())
  },
  'db.import': async ({ db }) => {
    const csv = 'name,email\nEmmy,emmy@example.com\n'
    const { rows } = await db.import(csv, { format: 'csv', table: 'guests', create: true })
    console.log(rows)
  },
  'db.importProgress': async ({ db }) => {
    const progress = await db.importProgress()
    console.log(progress?.state, progress?.bytes)
  },
  'db.waitForChanges': async ({ db }) => {
    const { cursor } = await db.waitForChanges({ timeoutSec: 0 })
    await db.query("INSERT INTO people (name) VALUES ('Emmy')")
    const { changes } = await db.waitForChanges({ cursor, tables: ['people'] })
    console.log(changes) // [{ table: 'people', kind: 'insert' }]
  },
  'db.subscribe': async ({ db }) => {
    const off = db.subscribe({
      tables: ['people'],
      onChange: ({ table, kind, cursor }) => console.log(table, kind, cursor),
      onError: (error) => console.log(error.message),
    })
    off.setTables(['people', 'guests'])
    off()
  },
  'db.driver': async ({ db }) => {
    const driver = db.driver()
    const { rows } = await driver('SELECT id, name FROM people', [], 'all')
    console.log(rows[0])
  },
  'db.runTool': async ({ db }) => {
    const { data, error } = await db.runTool({ sql: 'SELECT name FROM people' }, { maxRows: 50 })
    console.log(error ?? data)
  },
  'db.asTool': async ({ db }) => {
    const tool = db.asTool('query_club', { description: 'Query the database of the club.' })
    console.log(tool.anthropic.name, await tool.run({ sql: 'SELECT count(*) AS n FROM people' }))
  },
  'db.asTools': async ({ db }) => {
    const tools = db.asTools()
    console.log(await tools.run('select_rows', { table: 'people', where: { name: 'Ada' } }))
  },
} as const satisfies Readonly<Record<string, Example>>
