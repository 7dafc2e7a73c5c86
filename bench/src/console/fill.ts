import type { Sql } from '../../../test/console/visit.ts'

/** Number of rows in the scrolled tables. */
export const ROWS = 100_000
/** Number of columns in the wide table: the maximum that the console shows. */
const WIDE = 80

const numbered = (rows: number) => `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${rows})`

/** Creates a table of 10 columns, one with text wider than its column, and a wide table. */
export async function fillDatabase(sql: Sql): Promise<void> {
  await sql(`CREATE TABLE many (id INTEGER PRIMARY KEY, name TEXT, email TEXT, city TEXT, at TEXT, amount REAL,
    count INTEGER, note TEXT, state TEXT, about TEXT)`)
  await sql(`${numbered(ROWS)} INSERT INTO many SELECT i, 'row ' || i, 'customer' || i || '@example.com',
    'city ' || (i % 97), datetime(1760000000 + i * 61, 'unixepoch'), i / 7.0, i * 31 % 1009, iif(i % 3, 'note ' || i, NULL),
    iif(i % 2, 'open', 'closed'), replace(hex(zeroblob(20)), '0', 'long ' || (i % 10) || ' ') FROM n`)
  const columns = Array.from({ length: WIDE - 1 }, (_, at) => `c${at}`)
  await sql(`CREATE TABLE wide (id INTEGER PRIMARY KEY, ${columns.join(', ')})`)
  await sql(
    `${numbered(5000)} INSERT INTO wide SELECT i, ${columns.map((_, at) => `i * ${at} % 1009`).join(', ')} FROM n`,
  )
}
