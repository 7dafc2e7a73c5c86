import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startPlatform, type TestPlatform } from '../harness.ts'
import { startReceiver } from '../webhook-receiver.ts'

type Database = ReturnType<TestPlatform['database']>
type Session = Awaited<ReturnType<TestPlatform['signUp']>>
const BASE = '/v1/db/acme/main'
let platform: TestPlatform
let owner: Session
let viewer: Session
let stranger: Session
let token: string
let db: Database
let agent: Database

beforeAll(async () => {
  platform = await startPlatform({ environment: { PERSQL_DEV: '1' } })
  owner = await platform.signUp('acme@example.com')
  stranger = await platform.signUp('stranger@example.com')
  await owner.request('/api/namespaces', { body: { slug: 'globex' } })
  viewer = await joined('viewer@example.com', 'viewer')
  token = await createToken('admin')
  db = platform.database('acme', 'main', token)
  agent = platform.database('acme', 'main', await createToken('readwrite'))
  await keepSnapshots(false)
})
afterAll(() => platform.stop())
beforeEach(async () => {
  for (const { id } of (await db.request('/approval_rules')).body.data) await unrule(id)
  for (const { name } of (await db.request('/tables')).body.data) await db.query(`DROP TABLE ${name}`)
  await db.query('DROP VIEW IF EXISTS seen')
  for (const sql of [
    'CREATE TABLE bills (id INTEGER PRIMARY KEY, n INTEGER UNIQUE)',
    'CREATE TABLE log (n)',
    'INSERT INTO bills (n) VALUES (1), (2), (3)',
  ]) {
    expect((await db.query(sql)).status, sql).toBe(200)
  }
})

async function joined(email: string, role: string) {
  const { data } = (await owner.request('/api/namespaces/acme/invitations', { body: { email, role } })).body
  const user = await platform.signUp(email)
  await user.request(`/api/invitations/${data.link.split('/').at(-1)}/accept`, { body: {} })
  return user
}
async function minted(body: object) {
  return (await owner.request('/api/namespaces/acme/tokens', { body: { name: 'x', ...body } })).body.data
}
const createToken = async (role: string) => (await minted({ role })).token
const keepSnapshots = (automaticSnapshots: boolean) =>
  db.request('/settings', { method: 'PATCH', body: { automaticSnapshots } })
const rule = async (tableGlob: string, action = 'require_approval', note?: string) => {
  const { status, body } = await db.request('/approval_rules', { body: { tableGlob, action, note } })
  expect([status, body.error]).toEqual([200, undefined])
  return body.data
}
const unrule = (id: string) => db.request(`/approval_rules/${id}`, { method: 'DELETE' })
const setAhead = (aheadMs: number) => platform.request('/api/dev/clock', { token: platform.secret, body: { aheadMs } })
const rows = async (sql = 'SELECT n FROM bills ORDER BY n') => (await db.query(sql)).body.data.rows
const code = async (answer: ReturnType<Database['query']>) => {
  const { status, body } = await answer
  return [status, body.code]
}
const required = [403, 'approval_required']
const denied = [403, 'approval_denied']
const unknown = [404, 'approval_not_found']
const asked = async (sql = 'UPDATE bills SET n = n + 10', params?: unknown[], as = agent): Promise<string> => {
  const { status, body } = await as.query(sql, params)
  expect([status, body.code, body.error]).toEqual([...required, expect.any(String)])
  return body.approvalToken
}
const decide = (approvalToken: string, verdict = 'approve', as = owner, body: object = {}) =>
  as.request(`/api/approvals/${approvalToken}/${verdict}`, { body })
const redeem = (approvalToken: unknown, as = agent, headers?: Record<string, string>) =>
  as.request('/redeem_approval', { body: { approvalToken }, headers })
const getStatus = async (approvalToken: string, as = agent) =>
  (await as.request(`/approvals/${approvalToken}`)).body.data?.status
const approved = async (sql?: string, params?: unknown[]) => {
  const approvalToken = await asked(sql, params)
  expect((await decide(approvalToken)).body.data.status).toBe('approved')
  return approvalToken
}

test('requests are listed for members, those that wait first, with the beginning of what they run', async () => {
  await rule('bills', 'require_approval', 'money')
  const list = async (as = owner) => (await as.request('/api/namespaces/acme/databases/main/approvals')).body.data
  const mine = async (...tokens: string[]) =>
    (await list()).filter(({ approvalToken }: { approvalToken: string }) => tokens.includes(approvalToken))
  const first = await asked('UPDATE bills SET n = n + ?', [10])
  const long = `UPDATE bills SET n = n + 20 /* ${'x'.repeat(600)} */`
  const second = await asked(long)
  expect(await mine(first, second)).toMatchObject([
    { approvalToken: second, status: 'pending', sql: long.slice(0, 500), statementCount: 1 },
    { approvalToken: first, status: 'pending', sql: 'UPDATE bills SET n = n + ?', tables: ['bills'], decidedBy: null },
  ])
  expect(await list(viewer)).toEqual(await list())
  expect((await db.request('/approvals')).body.data).toEqual(await list())
  await decide(second, 'deny', owner, { note: 'no' })
  expect(await mine(first, second)).toMatchObject([
    { approvalToken: first, status: 'pending' },
    { approvalToken: second, status: 'denied', note: 'no', decidedBy: `user:${owner.userId}` },
  ])
  expect(await code(stranger.request('/api/namespaces/acme/databases/main/approvals'))).toEqual([
    404,
    'namespace_not_found',
  ])
  expect(await code(agent.request('/approvals'))).toEqual([403, 'role_insufficient'])
  const scoped = platform.database('acme', 'main', (await minted({ role: 'admin', tableScope: ['bills'] })).token)
  expect(await code(scoped.request('/approvals'))).toEqual([403, 'not_for_scoped_token'])
})

test('a guarded write waits, is decided by a human, and is then done exactly so, once', async () => {
  await rule('BILL?', 'require_approval', 'money')
  const answer = await agent.query('UPDATE bills SET n = n + ? WHERE n > ?', [10, 1])
  expect([answer.status, answer.body]).toEqual([
    403,
    {
      success: false,
      error:
        'Writes to "bills" need approval. Nothing was written yet. Send the approval URL to a member who can edit this database.',
      code: 'approval_required',
      approvalToken: expect.stringMatching(/^appr_acme\.main_[0-9A-Za-z]{32}$/),
      approvalUrl: `${platform.url}/approve/${answer.body.approvalToken}`,
      hits: [{ tableGlob: 'BILL?', action: 'require_approval', matchedTable: 'bills', note: 'money' }],
      expiresAt: expect.stringMatching(/Z$/),
    },
  ])
  const { approvalToken, hits, expiresAt } = answer.body
  expect(new Date(expiresAt).getTime() - Date.now()).toBeGreaterThan(29 * 60_000)
  expect(await rows()).toEqual([[1], [2], [3]])
  expect(await code(redeem(approvalToken))).toEqual([409, 'approval_not_open'])

  const shown = await owner.request(`/api/approvals/${approvalToken}`)
  expect(shown.body.data).toEqual({
    status: 'pending',
    hits,
    createdAt: expect.any(String),
    expiresAt,
    decidedAt: null,
    note: null,
    namespaceSlug: 'acme',
    databaseSlug: 'main',
    askedBy: expect.stringMatching(/^token:/),
    statements: [{ sql: 'UPDATE bills SET n = n + ? WHERE n > ?', params: [10, 1] }],
    tables: ['bills'],
    rowsWritten: expect.any(Number),
    decidedBy: null,
  })
  const decided = await decide(approvalToken, 'approve', owner, { note: 'fine' })
  expect(decided.body.data).toMatchObject({ status: 'approved', decidedBy: `user:${owner.userId}`, note: 'fine' })
  expect(await rows()).toEqual([[1], [2], [3]])
  const done = await redeem(approvalToken)
  expect([done.status, done.body]).toMatchObject([200, { data: { changes: 2 }, meta: { statementCount: 1 } }])
  expect(await rows()).toEqual([[1], [12], [13]])
  expect(await code(redeem(approvalToken))).toEqual([409, 'approval_not_open'])
  expect(await getStatus(approvalToken)).toBe('redeemed')
  expect(await rows()).toEqual([[1], [12], [13]])
})

test('each step stands in the audit log, and no token does', async () => {
  const { id } = await rule('bills')
  const first = await approved()
  await redeem(first)
  await decide(await asked(), 'deny')
  await unrule(id)
  const entries = async () => (await owner.request('/api/namespaces/acme/audit?limit=20')).body.data
  await expect
    .poll(async () => (await entries()).map(({ action }: { action: string }) => action).slice(0, 7))
    .toEqual([
      'approval_rule.deleted',
      'approval.denied',
      'approval.requested',
      'approval.redeemed',
      'approval.approved',
      'approval.requested',
      'approval_rule.created',
    ])
  expect(JSON.stringify(await entries())).not.toContain('appr_')
  expect(JSON.stringify(platform.stderr)).not.toContain(first)
})

describe('rules', () => {
  test('are listed, and hold from the answer on until they are deleted', async () => {
    const made = await rule('b*', 'deny', 'hands off')
    expect((await db.request('/approval_rules')).body.data).toEqual([
      {
        id: expect.stringMatching(/^rule_/),
        tableGlob: 'b*',
        action: 'deny',
        note: 'hands off',
        createdAt: expect.any(String),
        createdBy: expect.stringMatching(/^token:/),
      },
    ])
    const refused = await agent.query('DELETE FROM bills')
    expect([refused.status, refused.body]).toEqual([
      403,
      {
        success: false,
        error: 'An approval rule blocks writes to "bills". Nothing was written.',
        code: 'approval_denied',
        hits: [{ tableGlob: 'b*', action: 'deny', matchedTable: 'bills', note: 'hands off' }],
      },
    ])
    await platform.restart()
    expect(await code(agent.query('DELETE FROM bills'))).toEqual(denied)
    await unrule(made.id)
    expect(await code(unrule(made.id))).toEqual([404, 'approval_rule_not_found'])
    expect(await code(agent.query('DELETE FROM bills'))).toEqual([200, undefined])
  })

  test.each([
    ['*', true],
    ['bills', true],
    ['BILLS', true],
    ['b?lls', true],
    ['*s', true],
    ['b*l*s', true],
    ['bill', false],
    ['bills?', false],
    ['?bills', false],
    ['[b]ills', false],
    ['b.lls', false],
    ['log', false],
    [`${'*a'.repeat(90)}*b`, false],
  ])('%s matches bills: %s', async (glob, matches) => {
    await rule(glob, 'deny')
    expect(await code(agent.query('DELETE FROM bills'))).toEqual(matches ? denied : [200, undefined])
  })

  test('are not for tokens that are not admins of all tables, nor for members who are not admins', async () => {
    const { id } = await rule('bills', 'deny')
    const scoped = platform.database('acme', 'main', (await minted({ role: 'admin', tableScope: ['bills'] })).token)
    for (const [as, why] of [
      [agent, 'role_insufficient'],
      [scoped, 'not_for_scoped_token'],
    ] as const) {
      expect((await as.request('/approval_rules')).body.code).toBe(why)
      expect((await as.request('/approval_rules', { body: { tableGlob: '*', action: 'deny' } })).body.code).toBe(why)
      expect((await as.request(`/approval_rules/${id}`, { method: 'DELETE' })).body.code).toBe(why)
    }
    const path = '/api/namespaces/acme/databases/main/approval_rules'
    expect((await viewer.request(`${path}/${id}`, { method: 'DELETE' })).body.code).toBe('role_insufficient')
    expect((await owner.request(path)).body.data).toHaveLength(1)
    expect((await owner.request(path.replace('_', '-'))).body.data).toHaveLength(1)
    expect((await db.request('/approval-rules')).body.data).toHaveLength(1)
    expect(await code(agent.query('DELETE FROM bills'))).toEqual(denied)
  })

  test.each([[{}], [{ tableGlob: '', action: 'deny' }], [{ tableGlob: 'x', action: 'allow' }], [{ tableGlob: 'x' }]])(
    'such as %j are refused',
    async (body) => {
      expect(await code(db.request('/approval_rules', { body }))).toEqual([400, 'invalid_input'])
    },
  )

  test('hold for admins and members too, and are of one database alone', async () => {
    await rule('bills')
    expect(await code(db.query('DELETE FROM bills'))).toEqual(required)
    const inConsole = '/api/namespaces/acme/databases/main/query'
    expect((await owner.request(inConsole, { body: { sql: 'DELETE FROM bills' } })).body.code).toBe('approval_required')
    await owner.request('/api/namespaces/acme/databases', { body: { slug: 'second' } })
    const second = platform.database('acme', 'second', token)
    await second.query('CREATE TABLE IF NOT EXISTS bills (n)')
    expect(await code(second.query('DELETE FROM bills'))).toEqual([200, undefined])
  })
})

test('accepts 100 rules, and approves more hits than a response lists', async () => {
  for (let i = 0; i < 100; i++) await rule(`${'*'.repeat(i + 1)}`)
  const more = { body: { tableGlob: 'x', action: 'deny' } }
  expect(await code(db.request('/approval_rules', more))).toEqual([409, 'limit_reached'])
  const statements = [{ sql: 'INSERT INTO log VALUES (1)' }, { sql: 'DELETE FROM bills' }]
  const { body } = await agent.batch(statements, { transaction: true })
  expect(body.hits).toHaveLength(100)
  await decide(body.approvalToken)
  expect(await code(redeem(body.approvalToken))).toEqual([200, undefined])
})

describe('what reads is never gated', () => {
  test.each(['SELECT * FROM bills', 'EXPLAIN DELETE FROM bills', 'PRAGMA table_info(bills)', 'SELECT 1 FROM seen'])(
    '%s',
    async (sql) => {
      await db.query('CREATE VIEW seen AS SELECT n FROM bills')
      await db.query('CREATE TRIGGER into_seen INSTEAD OF INSERT ON seen BEGIN SELECT 1; END')
      await rule('*', 'deny')
      expect(await code(agent.query(sql))).toEqual([200, undefined])
    },
  )

  test('also not where a guarded table is read by a write to another', async () => {
    await db.query('CREATE VIEW seen AS SELECT n FROM bills')
    await db.query('CREATE TRIGGER into_seen INSTEAD OF INSERT ON seen BEGIN SELECT 1; END')
    await rule('bills', 'deny')
    await rule('seen', 'deny')
    expect(await code(agent.query('INSERT INTO log SELECT n FROM bills'))).toEqual([200, undefined])
    expect(await code(agent.query('INSERT INTO log SELECT n FROM seen'))).toEqual([200, undefined])
    await rule('*', 'deny')
    expect(await code(agent.request('/search?q=bills'))).toEqual([200, undefined])
    expect(await code(agent.request('/describe'))).toEqual([200, undefined])
    for (const call of ['/validate', '/explain']) {
      expect(await code(agent.request(call, { body: { sql: 'DELETE FROM bills' } }))).toEqual([200, undefined])
    }
  })
})

describe('a guarded table is reached by no other way either:', () => {
  test.each<[string, string[], string, string?]>([
    ['a trigger', ['CREATE TRIGGER x AFTER INSERT ON log BEGIN DELETE FROM bills; END'], 'INSERT INTO log VALUES (1)'],
    [
      'a trigger of a trigger',
      [
        'CREATE TABLE mid (n)',
        'CREATE TRIGGER x AFTER INSERT ON log BEGIN INSERT INTO mid VALUES (1); END',
        'CREATE TRIGGER y AFTER INSERT ON mid BEGIN DELETE FROM bills; END',
      ],
      'INSERT INTO log VALUES (1)',
    ],
    [
      'a cascade',
      ['CREATE TABLE parts (bill REFERENCES bills ON DELETE CASCADE)', 'INSERT INTO parts VALUES (1)'],
      'DELETE FROM bills WHERE id = 1',
      'parts',
    ],
    [
      'a view that writes in its place',
      [
        'CREATE VIEW seen AS SELECT n FROM bills',
        'CREATE TRIGGER x INSTEAD OF INSERT ON seen BEGIN INSERT INTO bills (n) VALUES (new.n); END',
      ],
      'INSERT INTO seen VALUES (9)',
    ],
    [
      'the view by its name',
      [
        'CREATE VIEW seen AS SELECT n FROM bills',
        'CREATE TRIGGER x INSTEAD OF INSERT ON seen BEGIN INSERT INTO log VALUES (new.n); END',
      ],
      'INSERT INTO seen VALUES (9)',
      'SEEN',
    ],
    ['an upsert', [], 'INSERT INTO bills (id, n) VALUES (1, 7) ON CONFLICT (id) DO UPDATE SET n = 8'],
    ['REPLACE', [], 'REPLACE INTO bills (id, n) VALUES (1, 7)'],
    ['WITH', [], 'WITH x AS (SELECT 1) DELETE FROM bills WHERE n IN (SELECT * FROM x)'],
    ['quotes and comments', [], '/* SELECT */ delete from "main".[BILLS]'],
    ['a full-text index', ['CREATE VIRTUAL TABLE words USING fts5(text)'], "INSERT INTO words VALUES ('a')", 'words'],
    [
      'what is behind a full-text index',
      ['CREATE VIRTUAL TABLE words USING fts5(text)'],
      "INSERT INTO words VALUES ('a')",
      'words_content',
    ],
    [
      'a full-text index kept by triggers',
      [
        'CREATE VIRTUAL TABLE words USING fts5(text)',
        'CREATE TRIGGER x AFTER INSERT ON log BEGIN INSERT INTO words VALUES (new.n); END',
      ],
      "INSERT INTO log VALUES ('a')",
      'words',
    ],
  ])('%s', async (_what, setUp, sql, glob = 'bills') => {
    for (const statement of setUp) expect((await db.query(statement)).status, statement).toBe(200)
    const before = await rows('SELECT (SELECT count(*) FROM log), (SELECT count(*) FROM bills)')
    const { id } = await rule(glob, 'deny')
    expect(await code(agent.query(sql))).toEqual(denied)
    await unrule(id)
    await rule(glob)
    const approvalToken = await asked(sql)
    expect(await rows('SELECT (SELECT count(*) FROM log), (SELECT count(*) FROM bills)')).toEqual(before)
    await decide(approvalToken)
    expect(await code(redeem(approvalToken))).toEqual([200, undefined])
    for (const table of ['parts', 'mid', 'words']) await db.query(`DROP TABLE IF EXISTS ${table}`)
  })

  test.each([
    'DROP TABLE bills',
    'ALTER TABLE bills RENAME TO other',
    'ALTER TABLE bills ADD COLUMN more',
    'CREATE TRIGGER x AFTER INSERT ON bills BEGIN DELETE FROM log; END',
    'CREATE UNIQUE INDEX y ON bills (n, id)',
  ])('%s', async (sql) => {
    const { id } = await rule('bills', 'deny')
    expect(await code(db.query(sql))).toEqual(denied)
    expect(await code(db.query('ALTER TABLE log RENAME TO log2'))).toEqual([200, undefined])
    await unrule(id)
    await rule('bills')
    const approvalToken = await asked(sql, [], db)
    await decide(approvalToken)
    expect(await code(redeem(approvalToken, db))).toEqual([200, undefined])
  })

  test('a table made or renamed under a guarded name', async () => {
    await rule('secret*', 'deny')
    expect(await code(db.query('CREATE TABLE secrets (n)'))).toEqual(denied)
    expect(await code(db.query('ALTER TABLE log RENAME TO secrets'))).toEqual(denied)
    expect(await code(db.query('CREATE TABLE secret_2 AS SELECT 1'))).toEqual(denied)
    expect(await rows("SELECT name FROM sqlite_master WHERE name LIKE 'secret%'")).toEqual([])
    expect(await code(db.query('INSERT INTO log VALUES (1)'))).toEqual([200, undefined])
  })

  test('an endpoint, whose public callers see no details', async () => {
    const spec = { slug: 'add', name: 'Add', kind: 'mutation', method: 'POST', input: [], output: 'rows_written' }
    await db.request('/endpoints', { body: { ...spec, sql: 'INSERT INTO bills (n) VALUES (77)' } })
    await db.request('/endpoints/add/publish', { body: {} })
    for (const action of ['deny', 'require_approval']) {
      const { id } = await rule('bills', action)
      const { status, body } = await platform.request('/p/acme/main/add', { body: {} })
      expect([status, body.code]).toEqual([500, 'endpoint_failed'])
      expect(JSON.stringify(body)).not.toContain('bills')
      await unrule(id)
    }
    expect(await rows()).toEqual([[1], [2], [3]])
    expect((await platform.request('/p/acme/main/add', { body: {} })).status).toBe(200)
    await db.request('/endpoints/add', { method: 'DELETE' })
  })

  test('a migration, which stays a draft', async () => {
    const body = { name: 'm1', sql: 'INSERT INTO log VALUES (5); DELETE FROM bills' }
    const { id } = (await db.request('/migrations', { body })).body.data
    await rule('bills')
    expect(await code(db.request(`/migrations/${id}/apply`, { body: {} }))).toEqual(denied)
    expect(await rows('SELECT * FROM log')).toEqual([])
    expect(await rows()).toHaveLength(3)
  })
})

describe('a batch', () => {
  const statements = [
    { sql: 'INSERT INTO log VALUES (?)', params: [{ base64: 'AQI=' }] },
    { sql: 'DELETE FROM bills' },
    { sql: 'SELECT 1' },
  ]
  test.each([true, false])('with one guarded statement waits whole (transaction: %s)', async (transaction) => {
    await rule('bills')
    const { status, body } = await agent.batch(statements, { transaction })
    expect([status, body.code, body.statement]).toEqual([...required, undefined])
    expect(await rows('SELECT * FROM log')).toEqual([])
    const shown = (await owner.request(`/api/approvals/${body.approvalToken}`)).body.data
    expect(shown.tables).toEqual(['bills', 'log'])
    expect(shown.statements[0].params).toEqual([{ base64: 'AQI=' }])
    await decide(body.approvalToken)
    const done = await redeem(body.approvalToken)
    expect(done.body.data).toMatchObject([{ changes: 1 }, { changes: 3 }, { rows: [[1]] }])
    expect(done.body.meta.statementCount).toBe(3)
    expect(await rows('SELECT * FROM log')).toEqual([[{ base64: 'AQI=' }]])
    expect(await rows()).toEqual([])
  })

  test.each([true, false])('with a forbidden statement does nothing (transaction: %s)', async (transaction) => {
    await rule('log')
    await rule('bills', 'deny')
    const { status, body } = await agent.batch(statements, { transaction })
    expect([status, body.code, body.hits]).toMatchObject([...denied, [{ matchedTable: 'bills' }]])
    expect(await rows('SELECT * FROM log')).toEqual([])
  })

  test('lists all tables that need approval, including those that it creates', async () => {
    await rule('*')
    const { body } = await db.batch([
      { sql: 'INSERT INTO log VALUES (1)' },
      { sql: 'CREATE TABLE made (n)' },
      { sql: 'INSERT INTO made VALUES (1)' },
    ])
    expect(body.hits.map((hit: { matchedTable: string }) => hit.matchedTable)).toEqual(['log', 'made'])
    await decide(body.approvalToken)
    expect(await code(redeem(body.approvalToken, db))).toEqual([200, undefined])
    expect(await rows('SELECT * FROM made')).toEqual([[1]])
  })

  test('that fails anyway is not asked for', async () => {
    await rule('bills')
    const { status, body } = await agent.batch([{ sql: 'DELETE FROM bills' }, { sql: 'DELETE FROM nowhere' }])
    expect([status, body.code, body.statement]).toEqual([400, 'sql_error', 1])
    expect(await rows()).toHaveLength(3)
  })

  test('without rules or guarded tables does what it did: what ran before a failure stays', async () => {
    await rule('other', 'deny')
    const { status, body } = await agent.batch([{ sql: 'DELETE FROM bills' }, { sql: 'DELETE FROM nowhere' }])
    expect([status, body.code, body.applied]).toEqual([400, 'sql_error', 1])
    expect(await rows()).toEqual([])
  })
})

describe('a proposal', () => {
  const propose = async (sql: string) => (await agent.request('/propose', { body: { sql } })).body
  const apply = (executionToken: string) => agent.request('/apply', { body: { executionToken } })

  test('for a guarded table asks when it is applied, is spent by that, and is redeemed as it was', async () => {
    await rule('bills')
    const { data } = await propose('UPDATE bills SET n = n + 100')
    expect(data.estimatedAffectedRows).toBe(3)
    const waits = await apply(data.executionToken)
    expect([waits.status, waits.body.code]).toEqual(required)
    expect(await code(apply(data.executionToken))).toEqual([404, 'proposal_not_found'])
    await decide(waits.body.approvalToken)
    expect((await redeem(waits.body.approvalToken)).body.data.changes).toBe(3)
    expect(await rows()).toEqual([[101], [102], [103]])
  })

  test('for a forbidden table is refused, also when the rule came later, and can be applied when it is gone', async () => {
    const { data } = await propose('DELETE FROM bills')
    const { id } = await rule('bills', 'deny')
    expect((await propose('DELETE FROM bills')).code).toBe('approval_denied')
    expect(await code(apply(data.executionToken))).toEqual(denied)
    await unrule(id)
    expect(await code(apply(data.executionToken))).toEqual([200, undefined])
  })
})

describe('redeeming is refused', () => {
  const open = [409, 'approval_not_open']

  test('while it is pending, after a denial, and after it expired', async () => {
    await rule('bills')
    const [pending, no] = [await asked(), await asked()]
    await decide(no, 'deny', owner, { note: 'never' })
    expect(await code(redeem(pending))).toEqual(open)
    expect(await code(redeem(no))).toEqual(open)
    expect((await agent.request(`/approvals/${no}`)).body.data).toMatchObject({ status: 'denied', note: 'never' })
    const yes = await approved()
    await setAhead(29 * 60_000)
    expect(await getStatus(yes)).toBe('approved')
    await setAhead(30 * 60_000 + 1_000)
    expect([await getStatus(pending), await getStatus(yes), await getStatus(no)]).toEqual([
      'expired',
      'expired',
      'denied',
    ])
    expect(await code(redeem(yes))).toEqual(open)
    expect((await decide(pending)).body).toMatchObject({ code: 'approval_not_open', status: 'expired' })
    await setAhead(91 * 60_000)
    // The alarm was set by the old clock; the first new timer of any kind resets it.
    await agent.query('SELECT 1', [], { 'Idempotency-Key': 'timer' })
    await expect.poll(() => getStatus(pending)).toBe(undefined)
    await setAhead(0)
    expect(await rows()).toEqual([[1], [2], [3]])
  })

  test('to another token, at another database, in another namespace', async () => {
    await rule('bills')
    const approvalToken = await approved()
    const other = platform.database('acme', 'main', await createToken('admin'))
    expect(await code(redeem(approvalToken, other))).toEqual(unknown)
    expect(await code(other.request(`/approvals/${approvalToken}`))).toEqual(unknown)
    await owner.request('/api/namespaces/acme/databases', { body: { slug: 'third' } })
    expect(await code(redeem(approvalToken, platform.database('acme', 'third', token)))).toEqual(unknown)
    const foreign = (await owner.request('/api/namespaces/globex/tokens', { body: { name: 'x' } })).body.data.token
    expect(await code(redeem(approvalToken, platform.database('globex', 'main', foreign)))).toEqual(unknown)
    const claimed = (await db.request('/claim_branch', { body: { ref: 'b', role: 'admin' } })).body.data
    const onBranch = platform.database('acme', claimed.databaseSlug, claimed.token)
    expect(await code(redeem(approvalToken, onBranch))).toEqual(unknown)
    expect(await rows()).toEqual([[1], [2], [3]])
    expect(await code(redeem(approvalToken))).toEqual([200, undefined])
  })

  test('with other SQL, with a guess, with an invalid token', async () => {
    await rule('bills')
    const approvalToken = await approved('UPDATE bills SET n = n + 10 WHERE n = 1')
    const body = { approvalToken, sql: 'DELETE FROM bills', params: [] }
    expect(await code(agent.request('/redeem_approval', { body }))).toEqual([400, 'invalid_input'])
    for (const guess of [
      'appr_',
      `${approvalToken.slice(0, -1)}!`,
      `appr_acme.main_${'a'.repeat(32)}`,
      approvalToken.toUpperCase(),
      ` ${approvalToken}`,
      "' OR 1=1 --",
    ]) {
      expect(await code(redeem(guess)), guess).toEqual(unknown)
      const shown = await owner.request(`/api/approvals/${encodeURIComponent(guess)}`)
      expect([shown.status, shown.body.code], guess).toEqual(unknown)
    }
    for (const value of [7, null, undefined, [approvalToken], { $ne: 1 }, '']) {
      expect((await redeem(value)).body.code).toBe('invalid_input')
    }
    expect(await rows()).toEqual([[1], [2], [3]])
  })

  test('when a rule came after the approval: one that forbids wins, one for another table needs its own', async () => {
    await db.query('CREATE TRIGGER x AFTER UPDATE ON bills BEGIN INSERT INTO log VALUES (1); END')
    await rule('bills')
    const approvalToken = await approved()
    const forbids = await rule('b*', 'deny')
    expect(await code(redeem(approvalToken))).toEqual(denied)
    await unrule(forbids.id)
    const other = await rule('log')
    expect(await code(redeem(approvalToken))).toEqual([409, 'approval_stale'])
    await unrule(other.id)
    await rule('b?lls')
    expect(await code(redeem(approvalToken))).toEqual([200, undefined])
    await db.query('DROP TRIGGER IF EXISTS x')
  })

  test.each([
    ['a trigger was added', ['CREATE TRIGGER z AFTER UPDATE ON bills BEGIN DELETE FROM log; END']],
    ['the table was replaced by another of its name', ['ALTER TABLE bills RENAME TO b2', 'CREATE TABLE bills (n)']],
    ['rows are kept from being alike', ['CREATE UNIQUE INDEX z ON bills (n, id)']],
  ])('when %s', async (_what, changes) => {
    const { id } = await rule('bills')
    const approvalToken = await approved()
    await unrule(id)
    for (const sql of changes) expect((await db.query(sql)).status, sql).toBe(200)
    expect(await code(redeem(approvalToken))).toEqual([409, 'approval_stale'])
    expect(await getStatus(approvalToken)).toBe('approved')
    await db.query('DROP TABLE IF EXISTS b2')
  })

  test('when the table was renamed, until it has its name again', async () => {
    const { id } = await rule('bills')
    const approvalToken = await approved()
    await unrule(id)
    await db.query('ALTER TABLE bills RENAME TO b2')
    expect(await code(redeem(approvalToken))).toEqual([400, 'sql_error'])
    await db.query('ALTER TABLE b2 RENAME TO bills')
    expect(await getStatus(approvalToken)).toBe('approved')
  })

  test('when the asking token was revoked since', async () => {
    await rule('bills')
    const { id, token: short } = await minted({ role: 'readwrite' })
    const as = platform.database('acme', 'main', short)
    const approvalToken = await asked('DELETE FROM bills', [], as)
    await decide(approvalToken)
    await owner.request(`/api/namespaces/acme/tokens/${id}`, { method: 'DELETE' })
    expect(await code(redeem(approvalToken, as))).toEqual([401, 'token_unknown'])
  })

  test('when the member who asked is less since', async () => {
    await rule('bills')
    const editor = await joined('editor@example.com', 'editor')
    const path = '/api/namespaces/acme/databases/main'
    const waits = await editor.request(`${path}/query`, { body: { sql: 'DELETE FROM bills' } })
    const { approvalToken } = waits.body
    await decide(approvalToken)
    const lower = { method: 'PATCH', body: { role: 'viewer' } }
    await owner.request(`/api/namespaces/acme/members/${editor.userId}`, lower)
    const redeemed = await editor.request(`${path}/redeem_approval`, { body: { approvalToken } })
    expect([redeemed.status, redeemed.body.code]).toEqual([403, 'role_insufficient'])
    expect(await rows()).toHaveLength(3)
  })
})

describe('deciding', () => {
  test('is for members who may edit, once, and not for tokens', async () => {
    await rule('bills')
    const approvalToken = await asked()
    for (const verdict of ['approve', 'deny']) {
      const byToken = { token, body: {} }
      expect((await platform.request(`/api/approvals/${approvalToken}/${verdict}`, byToken)).status).toBe(401)
      const outside = await decide(approvalToken, verdict, stranger)
      expect([outside.status, outside.body.code]).toEqual(unknown)
      const below = await decide(approvalToken, verdict, viewer)
      expect([below.status, below.body.code]).toEqual([403, 'role_insufficient'])
      const foreign = { body: {}, headers: { origin: 'https://evil.example' } }
      const forged = await owner.request(`/api/approvals/${approvalToken}/${verdict}`, foreign)
      expect(forged.body.code).toBe('origin_refused')
    }
    expect((await stranger.request(`/api/approvals/${approvalToken}`)).body.code).toBe('approval_not_found')
    expect((await viewer.request(`/api/approvals/${approvalToken}`)).body.data.status).toBe('pending')
    expect(await getStatus(approvalToken)).toBe('pending')
    const both = await Promise.all([decide(approvalToken, 'deny'), decide(approvalToken, 'approve')])
    expect(both.map(({ status }) => status).sort()).toEqual([200, 409])
    const [settled] = both.filter(({ status }) => status === 200)
    expect(await getStatus(approvalToken)).toBe(settled?.body.data.status)
  })

  test('has a page that leads to signing in, and says nothing of what it is about', async () => {
    await rule('bills')
    const approvalToken = await asked()
    const { status, headers, body } = await platform.request(`/approve/${approvalToken}`)
    expect([status, headers.get('content-security-policy')]).toEqual([
      200,
      expect.stringContaining("default-src 'none'"),
    ])
    expect(body).toContain(`href="/login?return=%2Fapprove%2F${approvalToken}"`)
    expect(body).not.toContain('bills')
    expect((await platform.request('/approve/%3Cscript%3E')).status).toBe(404)
  })
})

test('16 concurrent redemptions run the write once', async () => {
  await rule('bills')
  const approvalToken = await approved()
  const answers = await Promise.all(Array.from({ length: 16 }, () => redeem(approvalToken)))
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
  expect(await rows()).toEqual([[11], [12], [13]])
})

test('what fails when it is redeemed is undone, and can be redeemed when that is put right', async () => {
  const { id } = await rule('bills')
  const approvalToken = await approved('INSERT INTO bills (n) VALUES (9)')
  await unrule(id)
  await db.query('INSERT INTO bills (n) VALUES (9)')
  expect(await code(redeem(approvalToken))).toEqual([400, 'sql_error'])
  await db.query('DELETE FROM bills WHERE n = 9')
  expect(await code(redeem(approvalToken))).toEqual([200, undefined])
})

test('a snapshot is kept before what was approved loses rows, and not before what is refused', async () => {
  await keepSnapshots(true)
  await db.query('DROP TABLE log')
  await db.query('CREATE TABLE log (n)')
  const newest = async () => (await db.request('/snapshots')).body.data[0].id
  const { id } = await rule('bills', 'deny')
  const before = await newest()
  const lossy = [{ sql: 'INSERT INTO log VALUES (1)' }, { sql: 'DELETE FROM bills' }]
  expect(await code(agent.query('DELETE FROM bills'))).toEqual(denied)
  expect(await code(agent.batch(lossy))).toEqual(denied)
  await unrule(id)
  await rule('bills')
  const single = await approved('DELETE FROM bills')
  const batch = (await agent.batch(lossy)).body.approvalToken
  await decide(batch)
  expect(await newest()).toBe(before)
  const done = await redeem(batch)
  expect([done.status, done.body.meta.snapshot.label]).toEqual([200, 'Before DELETE FROM bills'])
  expect(await newest()).toBe(done.body.meta.snapshot.id)
  expect(await rows()).toEqual([])
  expect(await code(redeem(single))).toEqual([200, undefined])
  await keepSnapshots(false)
})

test('what waits keeps no idempotency key; a lost answer can be asked for again with it', async () => {
  await rule('bills')
  const key = { 'Idempotency-Key': 'once' }
  const waits = await agent.query('UPDATE bills SET n = n + 10', [], key)
  await decide(waits.body.approvalToken)
  const done = await redeem(waits.body.approvalToken, agent, key)
  const again = await redeem(waits.body.approvalToken, agent, key)
  expect([done.status, again.headers.get('idempotency-replayed')]).toEqual([200, 'true'])
  expect(again.body).toEqual(done.body)
  expect(await rows()).toEqual([[11], [12], [13]])
})

test('one token can have at most 100 pending requests', async () => {
  await rule('bills')
  const flooding = platform.database('acme', 'main', await createToken('readwrite'))
  for (let i = 0; i < 100; i++) await asked('DELETE FROM bills', [], flooding)
  expect(await code(flooding.query('DELETE FROM bills'))).toEqual([409, 'limit_reached'])
  expect(await code(agent.query('DELETE FROM bills'))).toEqual(required)
})

test('a crash around a redemption leaves it done and spent, or neither', async () => {
  await rule('bills')
  for (let round = 0; round < 5; round++) {
    const [[before]] = await rows('SELECT sum(n) FROM bills')
    const approvalToken = await approved('UPDATE bills SET n = n + 1000')
    const redeeming = redeem(approvalToken).catch(() => undefined)
    await new Promise((resolve) => setTimeout(resolve, round))
    await platform.kill()
    await redeeming
    await platform.restart()
    const [[after]] = await rows('SELECT sum(n) FROM bills')
    expect(await getStatus(approvalToken)).toBe(after === before ? 'approved' : 'redeemed')
    expect((await redeem(approvalToken)).status).toBe(after === before ? 200 : 409)
    expect((await rows('SELECT sum(n) FROM bills'))[0][0]).toBe(before + 3000)
  }
})

test('a deleted database takes its rules and requests with it', async () => {
  await owner.request('/api/namespaces/acme/databases', { body: { slug: 'gone' } })
  const gone = platform.database('acme', 'gone', token)
  await gone.query('CREATE TABLE bills (n)')
  await gone.request('/approval_rules', { body: { tableGlob: '*', action: 'require_approval' } })
  const { approvalToken } = (await gone.query('INSERT INTO bills VALUES (1)')).body
  await owner.request('/api/namespaces/acme/databases/gone', { method: 'DELETE' })
  expect((await decide(approvalToken)).body.code).toBe('approval_not_found')
  await owner.request('/api/namespaces/acme/databases', { body: { slug: 'gone' } })
  expect((await decide(approvalToken)).body.code).toBe('approval_not_found')
  expect(await code(gone.query('CREATE TABLE bills (n)'))).toEqual([200, undefined])
})

test('the log of requests holds no token', async () => {
  await rule('bills')
  const approvalToken = await asked()
  await platform.request(`${BASE}/approvals/${approvalToken}`, { token })
  await owner.request(`/api/approvals/${approvalToken}`)
  await platform.request(`/approve/${approvalToken}`)
  expect(JSON.stringify(platform.stderr)).not.toContain(approvalToken)
})

test('webhooks receive requests and decisions', async () => {
  const receiver = await startReceiver()
  const hook = (body: object) =>
    db.request('/webhooks', {
      body: { name: 'x', url: receiver.url, events: ['approval_required', 'approval_resolved'], ...body },
    })
  await hook({})
  await hook({ tables: ['log'] })
  await rule('bills')
  const { body } = await agent.query('UPDATE bills SET n = n + 10')
  const path = `/api/approvals/${body.approvalToken}`
  await owner.request(`${path}/approve`, { body: { note: 'fine' } })
  // Sorted, because the order of deliveries can differ.
  const came = (await receiver.got(2)).map(({ body }) => body).sort((a, b) => (a.type < b.type ? -1 : 1))
  const [asked, decided, ...more] = came
  const about = { database: 'acme:main', approvalToken: body.approvalToken, tables: ['bills'], hits: body.hits }
  expect(asked).toMatchObject({ ...about, type: 'approval_required', status: 'pending', decidedBy: null })
  expect(asked.askedBy).toMatch(/^token:/)
  expect(decided).toMatchObject({ ...about, type: 'approval_resolved', status: 'approved' })
  expect(decided.decidedBy).toMatch(/^user:/)
  expect(more).toEqual([])
  for (const { id } of (await db.request('/webhooks')).body.data)
    await db.request(`/webhooks/${id}`, { method: 'DELETE' })
  await receiver.stop()
})
