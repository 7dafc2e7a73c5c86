import init, { type Database } from '@sqlite.org/sqlite-wasm'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { lower } from './identifiers.ts'
import { readSchemaText } from './schema.ts'
import { hashForms, isSame, readSchemaForms } from './schema-form.ts'
import type { RunSql } from './schema-map.ts'

let sqlite: Awaited<ReturnType<typeof init>>
beforeAll(async () => {
  sqlite = await init()
})

type Statements = string | readonly string[]

/** Runs statements in a new database and returns what `read` reads. "x" can be a text, as in the runtime. */
function withSchema<T>(statements: Statements, read: (run: RunSql, db: Database) => T): T {
  const db = new sqlite.oo1.DB(':memory:')
  try {
    for (const option of [1013, 1014] as const) sqlite.capi.sqlite3_db_config(db, option, 1, 0)
    for (const sql of typeof statements === 'string' ? [statements] : statements) db.exec(sql)
    const run: RunSql = (sql, ...params) =>
      db.exec({ sql, bind: params.length > 0 ? (params as string[]) : undefined, returnValue: 'resultRows' })
    return read(run, db)
  } finally {
    db.close()
  }
}

const readHash = (statements: Statements): string =>
  withSchema(statements, (run) => hashForms(readSchemaForms(readSchemaText(run))))

const PARENT = 'CREATE TABLE p (id INTEGER PRIMARY KEY, k TEXT UNIQUE)'
const TABLE = 'CREATE TABLE t (a INTEGER, b TEXT)'

describe('schemas that behave alike have the same hash', () => {
  test.each<[string, Statements, Statements]>([
    ['white space, comments and case', TABLE, 'create table T(\n A integer, -- the a\n "b" text /* b */ )'],
    ['quotes', TABLE, 'CREATE TABLE `t` ([a] "INTEGER", \'b\' TEXT)'],
    ['IF NOT EXISTS and the name of the schema', TABLE, 'CREATE TABLE IF NOT EXISTS main.t (a INTEGER, b TEXT)'],
    ['the order of statements', [PARENT, TABLE], [TABLE, PARENT]],
    ['columns added later', TABLE, ['CREATE TABLE t (a INTEGER)', 'ALTER TABLE t ADD COLUMN b TEXT']],
    [
      'columns added before the constraints of a table',
      'CREATE TABLE t (a, b NOT NULL DEFAULT 0, CHECK (a > 0))',
      ['CREATE TABLE t (a, CHECK (a > 0))', 'ALTER TABLE t ADD b NOT NULL DEFAULT (0)'],
    ],
    ['renamed tables', TABLE, ['CREATE TABLE old (a INTEGER, b TEXT)', 'ALTER TABLE old RENAME TO t']],
    ['renamed columns', TABLE, ['CREATE TABLE t (a INTEGER, "B c" TEXT)', 'ALTER TABLE t RENAME "b C" TO b']],
    ['dropped columns', TABLE, ['CREATE TABLE t (a INTEGER, x, b TEXT)', 'ALTER TABLE t DROP x']],
    [
      'a primary key of the table',
      'CREATE TABLE t (a TEXT PRIMARY KEY, b)',
      'CREATE TABLE t (a TEXT, b, PRIMARY KEY (a))',
    ],
    ['ASC', 'CREATE TABLE t (a PRIMARY KEY ASC)', 'CREATE TABLE t (a, PRIMARY KEY ("A" ASC))'],
    [
      'a rowid in any order',
      'CREATE TABLE t (a INTEGER PRIMARY KEY)',
      'CREATE TABLE t (a INTEGER, PRIMARY KEY (a DESC))',
    ],
    [
      'AUTOINCREMENT of the table',
      'CREATE TABLE t (a INTEGER PRIMARY KEY AUTOINCREMENT)',
      'CREATE TABLE t (a INTEGER, PRIMARY KEY (a AUTOINCREMENT))',
    ],
    [
      'unique columns',
      'CREATE TABLE t (a UNIQUE, b UNIQUE)',
      'CREATE TABLE t (a, b, UNIQUE (b), CONSTRAINT x UNIQUE (a))',
    ],
    [
      'constraints without commas',
      'CREATE TABLE t (a, b, UNIQUE (a) UNIQUE (b))',
      'CREATE TABLE t (a UNIQUE, b UNIQUE)',
    ],
    [
      'names of constraints',
      'CREATE TABLE t (a CONSTRAINT x CHECK (a > 0))',
      'CREATE TABLE t (a, CONSTRAINT y CHECK((a>0)))',
    ],
    ['the default conflict', 'CREATE TABLE t (a NOT NULL)', 'CREATE TABLE t (a NULL NOT NULL ON CONFLICT ABORT)'],
    [
      'foreign keys',
      [PARENT, 'CREATE TABLE t (a REFERENCES p(id) ON DELETE CASCADE, b REFERENCES p (k) MATCH FULL)'],
      [
        PARENT,
        'CREATE TABLE t (a, b, FOREIGN KEY (b) REFERENCES "P" (K) ON UPDATE NO ACTION NOT DEFERRABLE INITIALLY DEFERRED, FOREIGN KEY (a) REFERENCES p (id) ON DELETE cascade)',
      ],
    ],
    [
      'deferred foreign keys',
      [PARENT, 'CREATE TABLE t (a REFERENCES p DEFERRABLE INITIALLY DEFERRED)'],
      [PARENT, 'CREATE TABLE t (a, FOREIGN KEY (a) REFERENCES p DEFERRABLE INITIALLY DEFERRED)'],
    ],
    ['defaults', "CREATE TABLE t (a DEFAULT 'x''Y', b DEFAULT 1)", 'CREATE TABLE t (a DEFAULT "x\'Y", b DEFAULT (1))'],
    [
      'the default collation',
      'CREATE TABLE t (a COLLATE NOCASE, b)',
      'CREATE TABLE t (a COLLATE "nocase", b COLLATE binary)',
    ],
    [
      'generated columns',
      'CREATE TABLE t (a, b GENERATED ALWAYS AS (a + 1) VIRTUAL, c AS (a) STORED)',
      'create table t (a, b as ("A"+1), c generated always as ([a]) stored)',
    ],
    [
      'options',
      'CREATE TABLE t (a INT PRIMARY KEY) STRICT, WITHOUT ROWID',
      'CREATE TABLE t (a INT PRIMARY KEY) WITHOUT ROWID, strict',
    ],
    ['a table of a SELECT', 'CREATE TABLE t AS SELECT 1 AS a', 'CREATE TABLE t ("a")'],
    [
      'indexes',
      [TABLE, 'CREATE UNIQUE INDEX i ON t (a, b COLLATE nocase DESC) WHERE b IS NOT NULL'],
      [
        TABLE,
        'create unique index if not exists main."I" on "t" ("A" ASC, [b] collate NOCASE desc) where "B" is not null',
      ],
    ],
    [
      'views',
      [TABLE, 'CREATE VIEW v AS SELECT a, "b" FROM t'],
      [TABLE, 'CREATE VIEW "V" AS\nselect "A", b from [t] -- all'],
    ],
    [
      'triggers',
      [TABLE, 'CREATE TRIGGER r UPDATE OF a ON t BEGIN SELECT new.a; END'],
      [TABLE, 'CREATE TRIGGER IF NOT EXISTS R BEFORE UPDATE OF "A" ON t FOR EACH ROW BEGIN select NEW."a"; END'],
    ],
    [
      'full-text indexes',
      "CREATE VIRTUAL TABLE f USING fts5(title, body, tokenize = 'porter')",
      'create virtual table "F" using FTS5("Title", body,tokenize=\'porter\')',
    ],
    [
      'statistics',
      [TABLE, 'CREATE INDEX i ON t (a)'],
      [TABLE, 'CREATE INDEX i ON t (a)', 'INSERT INTO t VALUES (1, 2)', 'ANALYZE'],
    ],
    ['dropped objects', TABLE, [TABLE, PARENT, 'CREATE VIEW v AS SELECT 1', 'DROP VIEW v', 'DROP TABLE p']],
  ])('%s', (_, one, other) => {
    expect(readHash(other)).toBe(readHash(one))
  })
})

describe('schemas that behave differently have different hashes', () => {
  test.each<[string, Statements, Statements]>([
    ['another table', TABLE, [TABLE, PARENT]],
    ['another name', TABLE, 'CREATE TABLE u (a INTEGER, b TEXT)'],
    ['the order of columns', TABLE, 'CREATE TABLE t (b TEXT, a INTEGER)'],
    ['a column', TABLE, 'CREATE TABLE t (a INTEGER, b TEXT, c)'],
    ['a type', TABLE, 'CREATE TABLE t (a INTEGER, b BLOB)'],
    ['no type', TABLE, 'CREATE TABLE t (a INTEGER, b)'],
    ['the size of a type', 'CREATE TABLE t (a DECIMAL(10, 2))', 'CREATE TABLE t (a DECIMAL(1, 02))'],
    ['INT, which is not a rowid', 'CREATE TABLE t (a INTEGER PRIMARY KEY)', 'CREATE TABLE t (a INT PRIMARY KEY)'],
    [
      'a descending key, which is not a rowid',
      'CREATE TABLE t (a INTEGER PRIMARY KEY)',
      'CREATE TABLE t (a INTEGER PRIMARY KEY DESC)',
    ],
    ['NOT NULL', TABLE, 'CREATE TABLE t (a INTEGER NOT NULL, b TEXT)'],
    ['NOT NULL with a conflict', 'CREATE TABLE t (a NOT NULL)', 'CREATE TABLE t (a NOT NULL ON CONFLICT IGNORE)'],
    ['a default', TABLE, 'CREATE TABLE t (a INTEGER DEFAULT 0, b TEXT)'],
    ['the case of a default', "CREATE TABLE t (a DEFAULT 'X')", "CREATE TABLE t (a DEFAULT 'x')"],
    ['the case of a name as default', 'CREATE TABLE t (a DEFAULT X)', 'CREATE TABLE t (a DEFAULT x)'],
    ['a text or NULL as default', 'CREATE TABLE t (a DEFAULT "null")', 'CREATE TABLE t (a DEFAULT NULL)'],
    ['a text or a number as default', "CREATE TABLE t (a DEFAULT '1')", 'CREATE TABLE t (a DEFAULT 1)'],
    ['a sign', 'CREATE TABLE t (a DEFAULT -1)', 'CREATE TABLE t (a DEFAULT 1)'],
    ['a fraction', 'CREATE TABLE t (a DEFAULT .5)', 'CREATE TABLE t (a DEFAULT .25)'],
    ['an exponent', 'CREATE TABLE t (a DEFAULT 1e-5)', 'CREATE TABLE t (a DEFAULT 1e+5)'],
    ['a collation', TABLE, 'CREATE TABLE t (a INTEGER, b TEXT COLLATE NOCASE)'],
    ['a check', TABLE, 'CREATE TABLE t (a INTEGER, b TEXT, CHECK (a > 0))'],
    ['the text of a check', 'CREATE TABLE t (a CHECK (a > 0))', 'CREATE TABLE t (a CHECK (a > 1))'],
    ['a text in a check', "CREATE TABLE t (a CHECK (a <> 'X'))", "CREATE TABLE t (a CHECK (a <> 'x'))"],
    [
      'a text in double quotes in a check',
      'CREATE TABLE t (a CHECK (a <> "X"))',
      'CREATE TABLE t (a CHECK (a <> "x"))',
    ],
    [
      'a column or a keyword',
      'CREATE TABLE t (a, "null", CHECK (a IS "null"))',
      'CREATE TABLE t (a, "null", CHECK (a IS null))',
    ],
    ['a generated column', 'CREATE TABLE t (a, b AS (a + 1))', 'CREATE TABLE t (a, b AS (a + 2))'],
    ['a stored column', 'CREATE TABLE t (a, b AS (a + 1))', 'CREATE TABLE t (a, b AS (a + 1) STORED)'],
    ['WITHOUT ROWID', 'CREATE TABLE t (a INT PRIMARY KEY)', 'CREATE TABLE t (a INT PRIMARY KEY) WITHOUT ROWID'],
    ['STRICT', 'CREATE TABLE t (a INT)', 'CREATE TABLE t (a INT) STRICT'],
    ['AUTOINCREMENT', 'CREATE TABLE t (a INTEGER PRIMARY KEY)', 'CREATE TABLE t (a INTEGER PRIMARY KEY AUTOINCREMENT)'],
    ['the columns of a key', 'CREATE TABLE t (a, b, PRIMARY KEY (a, b))', 'CREATE TABLE t (a, b, PRIMARY KEY (b, a))'],
    ['the collation of a key', 'CREATE TABLE t (a, UNIQUE (a))', 'CREATE TABLE t (a, UNIQUE (a COLLATE NOCASE))'],
    ['a unique column', 'CREATE TABLE t (a, b UNIQUE)', 'CREATE TABLE t (a UNIQUE, b)'],
    ['unique columns together', 'CREATE TABLE t (a, b, UNIQUE (a, b))', 'CREATE TABLE t (a UNIQUE, b UNIQUE)'],
    ['the conflict of a key', 'CREATE TABLE t (a UNIQUE)', 'CREATE TABLE t (a UNIQUE ON CONFLICT REPLACE)'],
    [
      'the order of conflicts',
      'CREATE TABLE t (a UNIQUE ON CONFLICT IGNORE, b UNIQUE ON CONFLICT FAIL)',
      'CREATE TABLE t (a, b, UNIQUE (b) ON CONFLICT FAIL, UNIQUE (a) ON CONFLICT IGNORE)',
    ],
    ['a foreign key', [PARENT, 'CREATE TABLE t (a)'], [PARENT, 'CREATE TABLE t (a REFERENCES p)']],
    [
      'the columns of a foreign key',
      [PARENT, 'CREATE TABLE t (a REFERENCES p(id))'],
      [PARENT, 'CREATE TABLE t (a REFERENCES p(k))'],
    ],
    [
      'ON DELETE',
      [PARENT, 'CREATE TABLE t (a REFERENCES p)'],
      [PARENT, 'CREATE TABLE t (a REFERENCES p ON DELETE SET NULL)'],
    ],
    [
      'ON UPDATE',
      [PARENT, 'CREATE TABLE t (a REFERENCES p ON UPDATE SET NULL)'],
      [PARENT, 'CREATE TABLE t (a REFERENCES p ON DELETE SET NULL)'],
    ],
    [
      'an action',
      [PARENT, 'CREATE TABLE t (a REFERENCES p ON DELETE SET DEFAULT)'],
      [PARENT, 'CREATE TABLE t (a REFERENCES p ON DELETE SET NULL)'],
    ],
    [
      'deferral',
      [PARENT, 'CREATE TABLE t (a REFERENCES p)'],
      [PARENT, 'CREATE TABLE t (a REFERENCES p DEFERRABLE INITIALLY DEFERRED)'],
    ],
    ['an index', TABLE, [TABLE, 'CREATE INDEX i ON t (a)']],
    ['the columns of an index', [TABLE, 'CREATE INDEX i ON t (a, b)'], [TABLE, 'CREATE INDEX i ON t (b, a)']],
    ['the order of an index', [TABLE, 'CREATE INDEX i ON t (a)'], [TABLE, 'CREATE INDEX i ON t (a DESC)']],
    [
      'the collation of an index',
      [TABLE, 'CREATE INDEX i ON t (b)'],
      [TABLE, 'CREATE INDEX i ON t (b COLLATE NOCASE)'],
    ],
    ['a unique index', [TABLE, 'CREATE INDEX i ON t (a)'], [TABLE, 'CREATE UNIQUE INDEX i ON t (a)']],
    ['a partial index', [TABLE, 'CREATE INDEX i ON t (a)'], [TABLE, 'CREATE INDEX i ON t (a) WHERE a > 0']],
    [
      'a text of a partial index',
      [TABLE, 'CREATE INDEX i ON t (a) WHERE b = "Open"'],
      [TABLE, 'CREATE INDEX i ON t (a) WHERE b = "open"'],
    ],
    ['an expression of an index', [TABLE, 'CREATE INDEX i ON t (a + 1)'], [TABLE, 'CREATE INDEX i ON t (a + 2)']],
    ['a view', [TABLE, 'CREATE VIEW v AS SELECT a FROM t'], [TABLE, 'CREATE VIEW v AS SELECT b FROM t']],
    [
      'the join of a view',
      [TABLE, PARENT, 'CREATE VIEW v AS SELECT 1 FROM t "natural" JOIN p'],
      [TABLE, PARENT, 'CREATE VIEW v AS SELECT 1 FROM t natural JOIN p'],
    ],
    ['a view or a table', 'CREATE TABLE v (a)', 'CREATE VIEW v AS SELECT 1 AS a'],
    [
      'a trigger',
      [TABLE, 'CREATE TRIGGER r BEFORE DELETE ON t BEGIN SELECT 1; END'],
      [TABLE, 'CREATE TRIGGER r AFTER DELETE ON t BEGIN SELECT 1; END'],
    ],
    [
      'the body of a trigger',
      [TABLE, "CREATE TRIGGER r DELETE ON t BEGIN SELECT 'x'; END"],
      [TABLE, "CREATE TRIGGER r DELETE ON t BEGIN SELECT 'X'; END"],
    ],
    ['a module', 'CREATE VIRTUAL TABLE f USING fts5(a, b, c)', 'CREATE VIRTUAL TABLE f USING rtree(a, b, c)'],
    [
      'an argument of a module',
      'CREATE VIRTUAL TABLE f USING fts5(a, tokenize = "unicode61 tokenchars \'A\'")',
      'CREATE VIRTUAL TABLE f USING fts5(a, tokenize = "unicode61 tokenchars \'a\'")',
    ],
    [
      'the content of a full-text index',
      "CREATE VIRTUAL TABLE f USING fts5(a, content = '')",
      'CREATE VIRTUAL TABLE f USING fts5(a)',
    ],
  ])('%s', (_, one, other) => {
    expect(readHash(other)).not.toBe(readHash(one))
  })
})

test('tables that are left out take their indexes and triggers with them', () => {
  const more = [
    'CREATE TABLE "Steps" (version PRIMARY KEY)',
    'CREATE UNIQUE INDEX i ON steps (version)',
    'CREATE TRIGGER r AFTER UPDATE OF version ON "STEPS" BEGIN SELECT 1; END',
  ]
  const read = (statements: Statements) =>
    withSchema(statements, (run) =>
      readSchemaForms(readSchemaText(run), (table, columns) => lower(table) === 'steps' && columns[0] === 'version'),
    )
  expect(read([TABLE, ...more])).toEqual(read(TABLE))
  expect(read([TABLE, 'CREATE TABLE steps (id)'])).not.toEqual(read(TABLE))
})

test('two statements are compared without their schema', () => {
  const table = (sql: string) => ({ type: 'table', name: 't', sql }) as const
  expect(isSame(table(TABLE), table('create table "t" ("A" integer, b text)'))).toBe(true)
  expect(isSame(table(TABLE), undefined)).toBe(false)
  expect(isSame(undefined, undefined)).toBe(true)
})

interface Model {
  readonly columns: readonly {
    readonly type: string
    readonly notNull: boolean
    readonly fallback: string
    readonly collation: string
    readonly check: string
    readonly unique: boolean
    readonly references: string
  }[]
  readonly key: readonly number[]
  readonly isStrict: boolean
  readonly hasRowid: boolean
  readonly index: { readonly columns: readonly [number, string][]; readonly isUnique: boolean; readonly where: string }
}

const pick = fc.constantFrom
const model: fc.Arbitrary<Model> = fc.record({
  columns: fc.array(
    fc.record({
      type: pick('INTEGER', 'INT', 'TEXT', 'BLOB'),
      notNull: fc.boolean(),
      fallback: pick('', '0', "'A'", "'a'", '(1 + 2)', 'CURRENT_TIME', '-1.5e-3'),
      collation: pick('', 'NOCASE', 'RTRIM'),
      check: pick('', '> 0', '<> 1'),
      unique: fc.boolean(),
      references: pick('', 'p', 'p (k)', 'p (id) ON DELETE CASCADE', 'p (id) ON UPDATE SET NULL'),
    }),
    { minLength: 1, maxLength: 4 },
  ),
  key: fc.uniqueArray(fc.nat(3), { minLength: 1, maxLength: 3 }),
  isStrict: fc.boolean(),
  hasRowid: fc.boolean(),
  index: fc.record({
    columns: fc.array(fc.tuple(fc.nat(3), pick('', ' DESC', ' COLLATE NOCASE')), { minLength: 1, maxLength: 3 }),
    isUnique: fc.boolean(),
    where: pick('', ' IS NOT NULL', " <> 'A'", " <> 'a'"),
  }),
})

/** A way of writing. Each choice takes the next number. */
class Style {
  #at = 0
  readonly #choices: readonly number[]

  constructor(choices: readonly number[]) {
    this.#choices = choices
  }

  choose<T>(...options: readonly T[]): T {
    const next = this.#choices[this.#at++ % Math.max(1, this.#choices.length)] ?? 0
    return options[next % options.length] as T
  }

  name(name: string): string {
    return this.choose(name, `"${name}"`, `\`${name}\``, `[${name}]`, name.toUpperCase(), `"${name.toUpperCase()}"`)
  }

  /** Writes keywords in any case, with comments. */
  words(sql: string): string {
    return sql
      .split(' ')
      .map((part) => this.choose(part, /^[A-Z_]+$/.test(part) ? lower(part) : part))
      .join(this.choose(' ', '\n', ' /* and */ ', ' -- so\n'))
  }
}

function write({ columns, key, isStrict, hasRowid, index }: Model, style: Style): string[] {
  const name = (i: number) => `c${i % columns.length}`
  const keys = [...new Set(key.map(name))]
  const later: string[] = []
  const inKey = style.choose(true, false) && keys.length === 1
  const defined = columns.map(({ type, notNull, fallback, collation, check, unique, references }, i) => {
    const parts: string[] = []
    const put = (own: string, ofTable: string, isLater: boolean) => {
      if (isLater) later.push(ofTable)
      else parts.push(own)
    }
    const named = () => style.choose('', '', 'CONSTRAINT x ')
    if (notNull) parts.push(style.words('NOT NULL'))
    if (fallback) parts.push(`${style.words('DEFAULT')} ${style.choose(fallback, `(${fallback})`)}`)
    if (collation) parts.push(`COLLATE ${style.choose(collation, lower(collation))}`)
    if (check) {
      const text = () => `${named()}CHECK ( ${style.name(name(i))} ${check} )`
      put(text(), text(), style.choose(true, false))
    }
    if (unique) put(`${named()}UNIQUE`, `${named()}UNIQUE (${style.name(name(i))})`, style.choose(true, false))
    if (references) {
      const text = `${style.words('REFERENCES')} ${references}`
      put(text, `${named()}FOREIGN KEY (${style.name(name(i))}) ${text}`, style.choose(true, false))
    }
    if (inKey && keys[0] === name(i)) parts.push(style.words('PRIMARY KEY'))
    return `${style.name(name(i))} ${style.choose(type, lower(type))} ${parts.join(' ')}`
  })
  if (!inKey) later.push(`${style.words('PRIMARY KEY')} (${keys.map((each) => style.name(each))})`)
  if (style.choose(true, false)) later.reverse()
  const options = [...(isStrict ? ['STRICT'] : []), ...(hasRowid ? [] : ['WITHOUT ROWID'])]
  const body = `(${[...defined, ...later].join(style.choose(', ', ' ,\n'))}) ${options.map((each) => style.words(each))}`
  const terms = index.columns.map(([i, more]) => style.name(name(i)) + (more || style.choose('', ' ASC')))
  const where = index.where && ` WHERE ${style.name(name(index.columns[0]?.[0] ?? 0))}${index.where}`
  const table = `${style.words('CREATE TABLE')} ${style.name('t')} ${body}`
  const indexed = `CREATE ${index.isUnique ? 'UNIQUE ' : ''}INDEX ${style.name('i')} ON ${style.name('t')} (${terms})${where}`
  return style.choose([PARENT, table, indexed], [table, indexed, PARENT])
}

/** Describes a schema as SQLite does. Names of automatic indexes don't count. */
function describeByPragmas(run: RunSql): unknown {
  const tables = run(
    "SELECT name, type, wr, strict FROM pragma_table_list WHERE schema = 'main' AND name IN ('t', 'T')",
  )
  const columns = run(
    'SELECT lower(name), lower(type), "notnull", dflt_value, pk, hidden FROM pragma_table_xinfo(\'t\')',
  )
  const indexes = run('SELECT name, "unique", origin, partial FROM pragma_index_list(\'t\')').map(([name, ...more]) => [
    ...[lower(name as string).startsWith('sqlite_') ? '' : name, more],
    run('SELECT seqno, cid, "desc", coll, key FROM pragma_index_xinfo(?)', name),
  ])
  const keys = run(
    'SELECT lower("table"), lower("from"), lower("to"), on_update, on_delete FROM pragma_foreign_key_list(\'t\')',
  )
  const sorted = (rows: unknown[]) => rows.map((row) => JSON.stringify(row)).sort()
  return [tables.map(([, ...more]) => more), columns, sorted(indexes), sorted(keys)]
}

describe('the hash of a generated schema', () => {
  const style = fc.array(fc.nat(11), { minLength: 1, maxLength: 40 }).map((choices) => [...choices])
  const runs = { numRuns: Number(process.env.RUNS ?? 100) }

  test('is the same in every way of writing it', () => {
    fc.assert(
      fc.property(model, style, style, (schema, one, other) => {
        expect(readHash(write(schema, new Style(other)))).toBe(readHash(write(schema, new Style(one))))
      }),
      runs,
    )
  })

  test('is different if SQLite describes the schemas differently, or their expressions differ', () => {
    const part = fc.tuple(model, model, pick(...(['columns', 'key', 'isStrict', 'hasRowid', 'index'] as const)))
    fc.assert(
      fc.property(part, style, ([first, second, changed], choices) => {
        const other = { ...first, [changed]: second[changed] }
        const [a, b] = [first, other].map((schema) => {
          const statements = write(schema, new Style(choices))
          return { by: withSchema(statements, describeByPragmas), hash: readHash(statements), schema }
        }) as [{ by: unknown; hash: string; schema: Model }, { by: unknown; hash: string; schema: Model }]
        const expressions = ({ columns, index }: Model) =>
          JSON.stringify([columns.map(({ check }) => check), index.where])
        if (JSON.stringify(a.by) === JSON.stringify(b.by) && expressions(a.schema) === expressions(b.schema)) return
        expect(b.hash).not.toBe(a.hash)
      }),
      runs,
    )
  })
})
