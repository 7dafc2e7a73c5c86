import type * as Sdk from '../../packages/sdk/src/index.ts'
import { type Case, failure, type Setting, same } from './cases.ts'
import { refusalCases } from './refusal-cases.ts'
import { resultCases } from './result-cases.ts'
import { transactionCases } from './transaction-cases.ts'

const PEOPLE = 'CREATE TABLE people (id INTEGER PRIMARY KEY, email TEXT UNIQUE, age INTEGER, photo BLOB)'

/** The cases that pass on a server and in local mode, in any runtime. */
export const cases: Record<string, Case> = {
  'rows come as objects and as arrays, with counts and meta': async (db) => {
    await db.query(PEOPLE)
    const inserted = await db.query('INSERT INTO people (email, age) VALUES (?, ?), (?, ?)', ['a@x', 1, 'b@x', 2])
    same([inserted.changes, inserted.lastInsertRowid, inserted.data], [2, 2, []])
    const { data, columns, rows, meta, rowsWritten } = await db.query<{ id: number; email: string }>(
      'SELECT id, email FROM people ORDER BY id',
    )
    same(data, [
      { id: 1, email: 'a@x' },
      { id: 2, email: 'b@x' },
    ])
    same(
      { columns, rows, rowsWritten, statements: meta?.statementCount },
      {
        columns: ['id', 'email'],
        rows: [
          [1, 'a@x'],
          [2, 'b@x'],
        ],
        rowsWritten: 0,
        statements: 1,
      },
    )
  },
  'values come back as they went: integers, reals, booleans, null, text, bytes, bigint': async (db) => {
    const bytes = Uint8Array.from({ length: 70_000 }, (_, i) => i % 256)
    const { rows } = await db.query('SELECT ?, typeof(?), ?, typeof(?), ?, ?, ?, ?, ?', [
      7,
      7,
      1.5,
      1.5,
      true,
      null,
      'ü😀',
      9007199254740991n,
      bytes,
    ])
    same(rows[0]?.slice(0, 8), [7, 'integer', 1.5, 'real', 1, null, 'ü😀', 9007199254740991])
    same([rows[0]?.[8] instanceof Uint8Array, rows[0]?.[8]], [true, bytes])
    const empty = await db.query('SELECT ? AS bytes', [new Uint8Array()])
    same(empty.data, [{ bytes: new Uint8Array() }])
  },
  'what JSON cannot carry is refused before it is sent': async (db) => {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) {
      same((await failure(db.query('SELECT ?', [value]))) instanceof TypeError, true)
    }
  },
  'parameters can have names, and a bigint is exact': async (db) => {
    const { rows } = await db.query('SELECT CAST(:big AS TEXT), @a, ?2', { big: 2n ** 63n - 1n, a: 'x' })
    same(rows, [['9223372036854775807', 'x', 'x']])
    same((await db.query('SELECT ?2, ?1, ?2', ['a', 'b'])).rows, [['b', 'a', 'b']])
    same((await db.query('SELECT :a, @b', { a: 1, b: 2 })).columns, [':a', '@b'])
    const [result] = await db.batch([{ sql: 'SELECT typeof($n)', params: { $n: -(2n ** 60n) } }])
    same(result?.rows, [['integer']])
    const missing = (await failure(db.query('SELECT :a, :b', { a: 1 }))) as Sdk.PerSQLError
    same([missing.code, missing.message.includes('"b"')], ['sql_error', true])
    const unknown = (await failure(db.query('SELECT :a', { a: 1, c: 1 }))) as Sdk.PerSQLError
    same([unknown.code, unknown.message.includes('"c"')], ['sql_error', true])
  },
  'an integer beyond 2^53 is refused, not rounded': async (db) => {
    same(((await failure(db.query('SELECT 9007199254740993'))) as Sdk.PerSQLError).code, 'integer_out_of_range')
  },
  'errors of SQL have a class, a status, a code and a detail': async (db, { PerSQLError }) => {
    await db.query(PEOPLE)
    await db.query('INSERT INTO people (email) VALUES (?)', ['a@x'])
    const kinds: unknown[] = []
    for (const sql of [
      "INSERT INTO people (email) VALUES ('a@x')",
      'SELECT * FROM nope',
      'SELECT nope FROM people',
      'SELEC 1',
      'SELECT ?',
    ]) {
      const error = await failure(db.query(sql))
      if (!(error instanceof PerSQLError)) throw new Error(`no PerSQLError: ${error}`)
      same([error.status, error.code], [400, 'sql_error'])
      kinds.push([error.detail?.kind, error.detail?.table, error.detail?.column])
    }
    same(kinds, [
      ['unique_violation', 'people', 'email'],
      ['unknown_table', 'nope', undefined],
      ['unknown_column', undefined, 'nope'],
      ['syntax_error', undefined, undefined],
      ['too_few_params', undefined, undefined],
    ])
  },
  'one statement a call, and none that would open a transaction': async (db) => {
    const codes: unknown[] = []
    for (const sql of ['SELECT 1; SELECT 2', 'SELECT 1; -- done', ' ; ', 'BEGIN', '/* x */ COMMIT']) {
      codes.push(
        await db.query(sql).then(
          () => 'ok',
          (error) => error.code,
        ),
      )
    }
    same(codes, ['multiple_statements', 'ok', 'empty_statement', 'statement_not_allowed', 'statement_not_allowed'])
  },
  'a transaction is whole or not at all; a batch keeps what came before': async (db) => {
    await db.query('CREATE TABLE t (id INTEGER PRIMARY KEY)')
    const statements = [{ sql: 'INSERT INTO t VALUES (?)', params: [1] }, { sql: 'INSERT INTO t VALUES (1)' }]
    const count = async () => (await db.query<{ n: number }>('SELECT count(*) AS n FROM t')).data[0]?.n
    await failure(db.transaction(statements))
    same(await count(), 0)
    await failure(db.batch(statements))
    same(await count(), 1)
    const results = await db.transaction([{ sql: 'INSERT INTO t VALUES (2)' }, { sql: 'SELECT id FROM t ORDER BY id' }])
    same(
      results.map(({ data, changes }) => [data, changes]),
      [
        [[], 1],
        [[{ id: 1 }, { id: 2 }], undefined],
      ],
    )
  },
  'an expectation that is not met undoes a transaction': async (db) => {
    await db.query('CREATE TABLE t (id INTEGER PRIMARY KEY)')
    const error = await failure(
      db.transaction([
        { sql: 'INSERT INTO t VALUES (1)' },
        { sql: 'SELECT * FROM t WHERE id = 2', expect: { rows: { min: 1 } } },
      ]),
    )
    same((error as Sdk.PerSQLError).code, 'expectation_failed')
    same((await db.query('SELECT * FROM t')).data, [])
  },
  'a key makes a write happen once, and belongs to one request': async (db) => {
    await db.query('CREATE TABLE t (n)')
    const options = { idempotencyKey: 'once' }
    await db.query('INSERT INTO t VALUES (1)', [], options)
    await db.query('INSERT INTO t VALUES (1)', [], options)
    same(await db.tables(), [{ name: 't', rowCount: 1 }])
    const error = await failure(db.query('INSERT INTO t VALUES (2)', [], options))
    same((error as Sdk.PerSQLError).code, 'idempotency_mismatch')
  },
  'a step of a plan happens once': async (db) => {
    await db.query('CREATE TABLE t (n)')
    for (const planStep of ['one', 'two', 'one'])
      await db.query('INSERT INTO t VALUES (1)', [], { planKey: 'p', planStep })
    same(await db.tables(), [{ name: 't', rowCount: 2 }])
  },
  'schema, explain and validate do not run the statement': async (db) => {
    await db.query("CREATE TABLE a (id INTEGER PRIMARY KEY, name TEXT NOT NULL DEFAULT 'x')")
    await db.query('CREATE TABLE b (a INTEGER REFERENCES a (id) ON DELETE CASCADE)')
    await db.query('CREATE INDEX b_a ON b (a)')
    const { tables, views } = await db.schema()
    same(
      tables.map(({ name, columns }) => [name, columns.map((column) => column.name)]),
      [
        ['a', ['id', 'name']],
        ['b', ['a']],
      ],
    )
    same(tables[1]?.indexes, [{ name: 'b_a', unique: false, columns: ['a'], sql: 'CREATE INDEX b_a ON b (a)' }])
    same(tables[1]?.foreignKeys, [{ column: 'a', table: 'a', to: 'id', onDelete: 'CASCADE', onUpdate: 'NO ACTION' }])
    same(views, [])
    const explained = await db.explain('UPDATE a SET name = ? WHERE id = ?', ['y', 1])
    same([explained.kind, explained.writes], ['write', ['a']])
    same(/SEARCH a USING INTEGER PRIMARY KEY/.test(explained.plan[0]?.detail ?? ''), true)
    same(await db.validate('SELECT name FROM a WHERE id = ?', [1]), { ok: true })
    const refused = await db.validate('SELECT nope FROM a')
    same([refused.ok, refused.errorDetail?.kind, refused.errorDetail?.column], [false, 'unknown_column', 'nope'])
  },
  'a proposal reports how many rows it would change, and is applied once': async (db) => {
    await db.query('CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER)')
    await db.query('INSERT INTO t (n) VALUES (1), (1), (2)')
    const { propose, apply } = db.proposals
    const proposal = await propose('DELETE FROM t WHERE n = ?', { params: [1], ttlSec: 60 })
    same([proposal.estimatedAffectedRows, proposal.action, /^pmut_/.test(proposal.executionToken)], [2, 'write', true])
    same((await db.tables())[0]?.rowCount, 3)
    same((await apply(proposal.executionToken)).changes, 2)
    const error = await failure(apply(proposal.executionToken))
    same([(error as Sdk.PerSQLError).status, (await db.tables())[0]?.rowCount], [404, 1])
  },
  'tools run, and answer what a model can mend': async (db) => {
    const tools = db.asTools()
    await db.query('CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT)')
    const rows = [{ body: 'one' }, { body: 'two' }, { body: null }]
    same(await tools.run('insert_rows', { table: 'notes', rows }), { inserted: 3, lastInsertRowid: 3 })
    const ordered = { table: 'notes', columns: ['body'], where: { id: 2 }, orderBy: 'id' }
    same(await tools.run('select_rows', ordered), { columns: ['body'], rows: [['two']], rowCount: 1 })
    const changed = (await tools.run('update_rows', {
      table: 'notes',
      set: { body: 'none' },
      where: { body: null },
    })) as {
      changes: number
    }
    same(changed.changes, 1)
    same(((await tools.run('delete_rows', { table: 'notes', where: {} })) as { code: string }).code, 'invalid_input')
    // SQLite would read a quoted unknown column as a string, which would match every row.
    const unknown = await tools.run('delete_rows', { table: 'notes', where: { nope: 'nope' } })
    same((unknown as { errorDetail: { kind: string } }).errorDetail.kind, 'unknown_column')
    same(await tools.run('list_tables', {}), [{ name: 'notes', rowCount: 3 }])
    const failed = await db.runTool({ sql: 'SELECT nope FROM notes' })
    same([(failed as { code: string }).code, 'error' in failed], ['sql_error', true])
    same(await db.runTool({ sql: 'SELECT id FROM notes ORDER BY id' }, { maxRows: 2 }), {
      data: [{ id: 1 }, { id: 2 }],
      columns: ['id'],
      rows: [[1], [2]],
      rowCount: 3,
      truncated: true,
    })
  },
  'a signal that has fired ends a call with its reason': async (db) => {
    const reason = new Error('enough')
    same(await failure(db.query('SELECT 1', [], { signal: AbortSignal.abort(reason) })), reason)
  },
  ...transactionCases,
  ...resultCases,
  ...refusalCases,
}

/** Runs a case on a database of its own. */
export async function runCase(run: Case, { sdk, open, request }: Setting, index: number): Promise<void> {
  const db = open(`case-${index}`)
  await run(db, sdk, (operation, body) => request('POST', `/v1/db/${db.namespace}/${db.slug}/${operation}`, body))
}

/** Runs all cases and returns `ok` or the error of each. */
export async function runSuite(setting: Setting): Promise<Record<string, string>> {
  const results: Record<string, string> = {}
  for (const [index, [name, run]] of Object.entries(cases).entries()) {
    try {
      await runCase(run, setting, index)
      results[name] = 'ok'
    } catch (cause) {
      results[name] = cause instanceof Error ? `${cause.message}\n${cause.stack}` : String(cause)
    }
  }
  return results
}
