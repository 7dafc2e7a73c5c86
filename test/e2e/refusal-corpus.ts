const list = (count: number, item: (i: number) => string) => Array.from({ length: count }, (_, i) => item(i)).join(', ')
const columns = (count: number) => list(count, (i) => `c${i}`)

/** Tables that the corpus is about. */
export const schema = [
  'CREATE TABLE t (id INTEGER PRIMARY KEY, a, b)',
  `CREATE TABLE wide (${columns(100)})`,
  'CREATE TABLE d0 (x)',
  ...Array.from({ length: 12 }, (_, i) => `CREATE TABLE d${i + 1} (x)`),
  ...Array.from(
    { length: 12 },
    (_, i) => `CREATE TRIGGER g${i} AFTER INSERT ON d${i} BEGIN INSERT INTO d${i + 1} VALUES (1); END`,
  ),
]

/** A statement of which SQLite or the runtime would only say "not authorized", or name a limit of its own. */
export interface Refused {
  readonly sql: string
  readonly params?: readonly unknown[]
  readonly kind: 'limit_exceeded' | 'not_available' | 'too_many_params' | 'too_few_params'
  /** Of the sentence: the limit, or what to do instead. */
  readonly says: RegExp
}

const limit = (sql: string, says: RegExp, params?: unknown[]): Refused => ({
  ...{ sql, kind: 'limit_exceeded', says },
  ...(params && { params }),
})
const missing = (sql: string, says: RegExp): Refused => ({ sql, kind: 'not_available', says })

export const refused: readonly Refused[] = [
  limit(`SELECT 1${' UNION SELECT 1'.repeat(5)}`, /5 terms.*VALUES.*WITH/),
  limit(`SELECT a FROM t${' INTERSECT SELECT 1'.repeat(9)}`, /5 terms/),
  limit(`SELECT 'a' LIKE '${'a'.repeat(51)}'`, /50 bytes.*instr\(/),
  limit('SELECT ? LIKE ?', /50 bytes.*FTS5/, ['a', '%'.repeat(60)]),
  limit(`SELECT 'a' GLOB '${'é'.repeat(26)}'`, /50 bytes/),
  limit(`CREATE TABLE n (${columns(101)})`, /A table can have at most 100 columns.*JSON/),
  limit('ALTER TABLE wide ADD COLUMN z', /A table can have at most 100 columns/),
  limit('SELECT *, 1 FROM wide', /A result can have at most 100 columns.*json_object/),
  limit('SELECT * FROM t, wide', /A result can have at most 100 columns/),
  limit(`CREATE INDEX n ON t (${list(101, (i) => `a || ${i}`)})`, /100 entries/),
  limit(`SELECT a FROM t ORDER BY ${list(101, (i) => `a || ${i}`)}`, /100 terms/),
  limit(`SELECT a FROM t GROUP BY ${list(101, (i) => `a || ${i}`)}`, /100 terms/),
  limit(`SELECT ${'1 + '.repeat(101)}1`, /100 levels/),
  limit(`SELECT ${'(SELECT '.repeat(101)}1${')'.repeat(101)}`, /100 levels/),
  limit(`SELECT max(${list(128, () => '1')})`, /127 arguments/),
  limit(`SELECT 1 FROM ${list(65, (i) => `t AS t${i}`)}`, /64 tables/),
  limit(`SELECT 1 FROM ${list(201, (i) => `t AS t${i}`)}`, /200 terms/),
  limit('SELECT length(zeroblob(9000000))', /8 MiB/),
  limit('INSERT INTO t (a, b) VALUES (zeroblob(5000000), zeroblob(5000000))', /8 MiB/),
  limit('INSERT INTO d0 VALUES (1)', /10 levels/),

  missing('CREATE TEMP TABLE n (x)', /Temporary tables.*WITH/),
  missing('CREATE TEMPORARY VIEW n AS SELECT 1', /Temporary/),
  missing('CREATE TEMP TRIGGER n AFTER INSERT ON t BEGIN SELECT 1; END', /Temporary/),
  missing('CREATE TABLE temp.n (x)', /Temporary/),
  missing("CREATE TEMPORARY TABLE n AS SELECT 'using'", /Temporary/),
  missing('CREATE VIRTUAL TABLE n USING fts3(x)', /"fts3".*fts5, fts5vocab, rtree, rtree_i32/),
  missing('CREATE VIRTUAL TABLE IF NOT EXISTS n USING Geopoly(x)', /"geopoly".*rtree/),
  missing("CREATE VIRTUAL TABLE n USING csv(filename = 'x')", /"csv"/),
  missing("SELECT LOAD_EXTENSION('x', 'y') FROM t", /load_extension\(\).*Extensions/),
  missing("SELECT load_extension('x')", /load_extension\(\).*Extensions/),
  missing('SELECT sqlite_version()', /sqlite_version\(\).*docs\/reference\/sql\.md/),
  missing("SELECT sqlite_compileoption_used('x')", /sqlite_compileoption_used\(\)/),
  missing('SELECT json_pretty(1)', /json_pretty\(\)/),
  missing("SELECT json_error_position('x')", /json_valid\(\)/),
  missing("SELECT unistr('a')", /char\(\)/),
  missing('SELECT if(1, 2, 3)', /iif\(\) or CASE/),
  missing('SELECT MEDIAN(a) FROM t', /row_number\(\)/),
  missing("SELECT 'a' REGEXP 'b'", /GLOB/),
  missing('SELECT nonsense(1)', /no such function: nonsense/),
  missing('SELECT * FROM _cf_KV', /"_cf_kv" is reserved/i),
  missing('INSERT INTO _cf_KV VALUES (1, 2)', /reserved/),
  missing('CREATE TABLE _cf_n (x)', /reserved/),
  missing("SELECT * FROM pragma_table_info('_cf_KV')", /reserved/),
  missing('UPDATE sqlite_master SET sql = 1', /CREATE, ALTER and DROP/),
  missing('DELETE FROM sqlite_schema', /CREATE, ALTER and DROP/),
  missing("ATTACH ':memory:' AS x", /one at a time/),
  missing('BEGIN IMMEDIATE', /batch/),
  missing('SAVEPOINT a', /transactions/),
  missing('VACUUM', /./),
  missing('PRAGMA user_version = 3', /migrations/),
  missing('PRAGMA journal_mode = DELETE', /WAL/),
  missing('PRAGMA nonsense', /PRAGMA nonsense/),
  missing('SELECT changes()', /"changes" in the result/),
  missing('SELECT last_insert_rowid()', /"lastInsertRowid".*RETURNING/),
  missing('WITH q AS (SELECT total_changes() AS n) SELECT n FROM q', /"changes" of the results/),

  { sql: 'SELECT ?32767', params: [1], kind: 'too_many_params', says: /32,766 parameters.*\?1 to \?32766/ },
  { sql: 'SELECT ?0', params: [1], kind: 'too_many_params', says: /\?1 to \?32766/ },
  { sql: 'SELECT ?101', params: [1], kind: 'too_few_params', says: /Expected 101 parameters, but got 1/ },
  { sql: 'SELECT ?101', params: Array(102).fill(1), kind: 'too_many_params', says: /Expected 101.*got 102/ },
  { sql: 'SELECT 1', params: [1], kind: 'too_many_params', says: /Expected no parameters, but got 1/ },
  { sql: 'SELECT ?', params: [1, 2], kind: 'too_many_params', says: /Expected 1 parameter, but got 2/ },
  { sql: 'SELECT ?2', params: [1, 2, 3], kind: 'too_many_params', says: /Expected 2 parameters, but got 3/ },
  { sql: 'SELECT ?1, ?1', params: [1, 2], kind: 'too_many_params', says: /Expected 1 parameter, but got 2/ },
  { sql: 'PRAGMA table_info(t)', params: [1], kind: 'too_many_params', says: /Expected no parameters/ },
  { sql: 'SELECT ?, ?', params: [1], kind: 'too_few_params', says: /Expected 2 parameters, but got 1/ },
  { sql: 'SELECT ?', params: [], kind: 'too_few_params', says: /Expected 1 parameter, but got 0/ },
  { sql: 'SELECT ?2', params: [1], kind: 'too_few_params', says: /Expected 2 parameters, but got 1/ },
  { sql: 'SELECT ?5, ?', params: [1, 2], kind: 'too_few_params', says: /Expected 6 parameters, but got 2/ },
  { sql: 'SELECT :a, @b, :a', params: [1], kind: 'too_few_params', says: /Expected 2 parameters, but got 1/ },
  { sql: 'INSERT INTO t (a) VALUES (?)', params: [], kind: 'too_few_params', says: /Expected 1 parameter, but got 0/ },
  { sql: 'SELECT \'?\', "?" -- ?\n, ?', params: [], kind: 'too_few_params', says: /Expected 1 parameter, but got 0/ },
]

/** Statements exactly at a limit, which are accepted. */
export const accepted: readonly { readonly sql: string; readonly params?: readonly unknown[] }[] = [
  { sql: `SELECT '${'x'.repeat(99_900)}'` },
  { sql: `SELECT 1${' UNION SELECT 1'.repeat(4)}` },
  { sql: `VALUES ${list(600, () => '(1)')}` },
  {
    sql: `WITH a AS (SELECT 1${' UNION ALL SELECT 1'.repeat(4)}), b AS (SELECT 1${' UNION ALL SELECT 1'.repeat(4)}) SELECT * FROM a UNION ALL SELECT * FROM b`,
  },
  { sql: `SELECT 'a' LIKE '${'a'.repeat(50)}'` },
  { sql: 'SELECT instr(?, ?) > 0', params: ['a', 'a'.repeat(10_000)] },
  { sql: 'SELECT * FROM wide' },
  { sql: `SELECT ${list(100, () => '?')}`, params: Array(100).fill(1) },
  { sql: 'SELECT ?100', params: Array(100).fill(1) },
  { sql: `SELECT max(${list(127, () => '1')})` },
  { sql: `SELECT 1 FROM ${list(64, (i) => `t AS t${i}`)}` },
  { sql: 'SELECT length(zeroblob(8388608))' },
  { sql: 'SELECT length(?)', params: ['x'.repeat(8_000_000)] },
  { sql: 'INSERT INTO d2 VALUES (1)' },
  { sql: 'SELECT * FROM temp.sqlite_master' },
]
