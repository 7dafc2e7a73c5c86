import { expect, test } from 'vitest'
import { errors } from '../../packages/contract/src/error-table.ts'
import { formatQuota, type QuotaName, quotas } from '../../packages/contract/src/quota-limits.ts'
import { findFiles, readPage } from './pages.ts'

const DATABASE = 'apps/platform/src/database'
const LIBSQL = 'apps/platform/src/http/libsql'
const page = readPage('docs/reference/limits.md')

/** Limits with their row on the page and the constant of the server. */
const limits: readonly [row: string, file: string, constant: string, unit?: 'MB' | 'MiB' | 'KB' | 's'][] = [
  ['Text of one statement', `${DATABASE}/calls/sql-length.ts`, 'MAX_SQL_BYTES'],
  ['Parameters', 'packages/contract/src/values.ts', 'MAX_PARAMETERS'],
  ['Statements of a script, and its text', 'packages/contract/src/query.ts', 'MAX_SCRIPT_STATEMENTS'],
  ['Statements of a script, and its text', 'packages/contract/src/query.ts', 'MAX_SCRIPT_CHARACTERS'],
  ['Writes of an interactive transaction', `${DATABASE}/transactions/open-transaction.ts`, 'MAX_WRITES'],
  ['Writes of an interactive transaction', `${DATABASE}/transactions/open-transaction.ts`, 'MAX_CONTINUED_WRITES'],
  [
    'Savepoints of a transaction that continues alone',
    `${DATABASE}/transactions/open-transaction.ts`,
    'MAX_SAVEPOINTS',
  ],
  [
    'Time of a transaction that continues alone, while others wait',
    `${DATABASE}/transactions/open-transaction.ts`,
    'CONTINUED_MS',
    's',
  ],
  ['Transactions of a namespace that continue alone at a time', 'apps/platform/src/continued.ts', 'MAX_OF_NAMESPACE'],
  ['Time of an interactive transaction', `${DATABASE}/transactions/open-transaction.ts`, 'TOTAL_MS', 's'],
  ['Time of an interactive transaction', `${DATABASE}/transactions/transactions.ts`, 'IDLE_MS', 's'],
  [
    'Run time of an interactive transaction, repeated writes included',
    `${DATABASE}/transactions/open-transaction.ts`,
    'MAX_RUN_MS',
    's',
  ],
  ['Open transactions of a database, of a token', `${DATABASE}/transactions/transactions.ts`, 'MAX_OPEN'],
  ['Open transactions of a database, of a token', `${DATABASE}/transactions/transactions.ts`, 'MAX_OPEN_OF_TOKEN'],
  ['Wait of a writer for open transactions', `${DATABASE}/transactions/hold.ts`, 'WAIT_MS', 's'],
  ['Statements of a batch', 'packages/contract/src/query.ts', 'MAX_STATEMENTS'],
  ['Request body', 'apps/platform/src/http/rest/rest.ts', 'MAX_BODY', 'MB'],
  ['Request body', 'apps/platform/src/http/public/public-endpoint.ts', 'MAX_BODY', 'MB'],
  ['Nesting of JSON in a body', 'apps/platform/src/json-object.ts', 'MAX_JSON_DEPTH'],
  ['Result of one call, all statements of a batch together', `${DATABASE}/engine/result.ts`, 'MAX_RESULT_BYTES', 'MiB'],
  ['Imported file', 'apps/platform/src/http/files/import-upload.ts', 'MAX_FORM', 'MB'],
  ['`Idempotency-Key`', 'apps/platform/src/http/rest/rest.ts', 'MAX_KEY'],
  [
    'Statements and parameters of a write that needs approval',
    `${DATABASE}/review/approvals/requests.ts`,
    'MAX_CHARACTERS',
  ],
  ['Table scope, databases, origins of a token', 'packages/contract/src/origins.ts', 'MAX_ORIGINS'],
  ['Long reads of a namespace that wait', `${DATABASE}/reads/slots.ts`, 'MAX_WAITING'],
  ['Long reads of a namespace that wait', `${DATABASE}/reads/slots.ts`, 'MAX_WAIT_MS', 's'],
  ['Automatic snapshots', `${DATABASE}/versions/snapshots/snapshots.ts`, 'MAX_AUTOMATIC'],
  ['Saved queries', `${DATABASE}/saved-queries/store.ts`, 'MAX_SAVED'],
  ['Approval rules', `${DATABASE}/review/approvals/rules.ts`, 'MAX_RULES'],
  ['Approval requests, kept for 90 minutes', `${DATABASE}/review/approvals/requests.ts`, 'MAX_KEPT'],
  ['Approval requests, kept for 90 minutes', `${DATABASE}/review/approvals/requests.ts`, 'MAX_OF_TOKEN'],
  ['Public endpoints', `${DATABASE}/endpoints/store.ts`, 'MAX_ENDPOINTS'],
  ['Webhooks, schedules', `${DATABASE}/events/webhooks/store.ts`, 'MAX_WEBHOOKS'],
  ['Webhooks, schedules', `${DATABASE}/events/schedules/store.ts`, 'MAX_SCHEDULES'],
  ['Migrations', `${DATABASE}/versions/migrations/store.ts`, 'MAX_MIGRATIONS'],
  ['Open proposals', `${DATABASE}/review/proposals/store.ts`, 'MAX_PROPOSALS'],
  ['Labels of a database', 'packages/contract/src/databases.ts', 'MAX_LABELS'],
  ['Custom hostnames', 'packages/contract/src/hostnames.ts', 'MAX_HOSTNAMES'],
  ['Waiting long-poll requests', `${DATABASE}/events/change-feed/long-poll.ts`, 'MAX_WAITING'],
  ['Messages of one WebSocket client', `${DATABASE}/events/change-feed/sockets.ts`, 'MAX_MESSAGE', 'KB'],
  ['Messages of one WebSocket client', `${DATABASE}/events/change-feed/sockets.ts`, 'MAX_MESSAGES'],
  ['libSQL connections of a token, of a namespace', `${LIBSQL}/socket-limits.ts`, 'MAX_OF_TOKEN'],
  ['libSQL connections of a token, of a namespace', `${LIBSQL}/socket-limits.ts`, 'MAX_OF_NAMESPACE'],
  ['Streams, open cursors of a libSQL connection', `${LIBSQL}/socket.ts`, 'MAX_STREAMS'],
  ['Streams, open cursors of a libSQL connection', `${LIBSQL}/socket.ts`, 'MAX_CURSORS'],
  ['Waiting requests of a libSQL connection', `${LIBSQL}/socket.ts`, 'MAX_WAITING'],
  ['Waiting requests of a libSQL connection', `${LIBSQL}/socket.ts`, 'MAX_WAITING_BYTES', 'MB'],
  [
    "Responses of a libSQL connection that the client hasn't received",
    `${LIBSQL}/socket.ts`,
    ...(['MAX_UNSENT_BYTES', 'MB'] as const),
  ],
  ['Stored SQL of a libSQL connection', `${LIBSQL}/socket-sql.ts`, 'MAX_STORED'],
  ['Stored SQL of a libSQL connection', `${LIBSQL}/socket-sql.ts`, 'MAX_LENGTH'],
  ['Stored SQL of a libSQL connection', `${LIBSQL}/socket-sql.ts`, 'MAX_TOTAL_LENGTH'],
  ['libSQL streams over HTTP of a database', `${DATABASE}/libsql/streams.ts`, 'MAX_STREAMS'],
  ['libSQL streams over HTTP of a database', `${DATABASE}/libsql/streams.ts`, 'IDLE_MS', 's'],
  ['Stored SQL of a libSQL stream over HTTP', `${DATABASE}/libsql/parse.ts`, 'MAX_STORED'],
  ['Stored SQL of a libSQL stream over HTTP', `${DATABASE}/libsql/parse.ts`, 'MAX_STORED_BYTES'],
  ['Statements of a libSQL request', `${DATABASE}/libsql/parse.ts`, 'MAX_STATEMENTS'],
  ['Query log', `${DATABASE}/metering/query-log.ts`, 'MAX_ROWS'],
  ['Schema change log', `${DATABASE}/versions/schema-changes.ts`, 'MAX_KEPT'],
  ['Change feed', `${DATABASE}/events/change-feed/feed.ts`, 'MAX_EVENTS'],
  ['Versions of an endpoint', `${DATABASE}/endpoints/store.ts`, 'MAX_VERSIONS'],
  ['Branch', 'packages/contract/src/branches.ts', 'MAX_REF_BYTES'],
]

/** Returns the value of a constant, such as `16 * 1024 * 1024`. */
function readConstant(file: string, name: string): number {
  const [, text = ''] = new RegExp(`const ${name} = ([\\d_* ]+)$`, 'm').exec(readPage(file)) ?? []
  return text
    .split('*')
    .reduce((product, factor) => product * Number(factor.replaceAll('_', '').trim() || Number.NaN), 1)
}

const units = { MB: 1024 * 1024, MiB: 1024 * 1024, KB: 1024, s: 1_000 }

test.each(limits)('the row "%s" has the limit of %s, %s', (row, file, constant, unit) => {
  const value = readConstant(file, constant)
  const text = unit ? `${value / units[unit]} ${unit}` : value.toLocaleString('en-US')
  expect(readCell(page, row)).toMatch(new RegExp(`(^|[^\\d,])${text}(?![\\d,]*\\d)`))
})

/** Returns the second cell of a row of a table. */
function readCell(text: string, row: string): string {
  const rows = text.split('\n').map((line) => line.split('|').map((cell) => cell.trim()))
  return rows.find(([, first]) => first === row)?.[2] ?? ''
}

test.each([
  ['Query log', `${DATABASE}/metering/query-log.ts`, 'MAX_ROWS'],
  ['Statements in the query log', `${DATABASE}/metering/query-log.ts`, 'MAX_LOGGED_SQL'],
  ['Schema change log', `${DATABASE}/versions/schema-changes.ts`, 'MAX_KEPT'],
  ['Deliveries of a webhook', `${DATABASE}/events/webhooks/store.ts`, 'MAX_LOG'],
])('the row "%s" of log retention has the number of %s, %s', (row, file, constant) => {
  const cell = readCell(readPage('docs/self-hosting/logs.md'), row)
  expect(cell).toContain(` ${readConstant(file, constant).toLocaleString('en-US')} `)
})

test('every number of items that a database can have is on the page', () => {
  const files = findFiles('apps/platform/src', /(?<!\.test)\.ts$/)
  const refusals = files.flatMap((file) =>
    [...readPage(file).matchAll(/limitReached\(([A-Z_]+), '([^']+)'/g)].map(([, constant, what]) => ({
      file,
      constant,
      what,
    })),
  )
  expect(refusals.length).toBeGreaterThan(10)
  const absent = refusals.filter(
    ({ file, constant }) =>
      !limits.some(
        ([, known, name]) => name === constant && (known === file || !readPage(file).includes(`const ${constant} =`)),
      ),
  )
  expect(absent).toEqual([])
})

test('every quota is on the page, with its default and what it applies to', () => {
  for (const [name, { preset, scope }] of Object.entries(quotas)) {
    const appliesTo = scope === 'database' ? 'each database' : 'namespace'
    const row = new RegExp(
      `^\\| \`${name}\` +\\| ${formatQuota(name as QuotaName, preset)} +\\| ${appliesTo} +\\|`,
      'm',
    )
    expect(page).toMatch(row)
  }
})

test('every error about a limit is on the page', () => {
  const ofLimits = Object.entries(errors).filter(
    ([code, { status, message }]) =>
      [413, 429].includes(status) ||
      message.includes('{limit}') ||
      /^(too_many|took_too_long|quota_|limit_)/.test(code),
  )
  expect(ofLimits.length).toBeGreaterThan(9)
  expect(ofLimits.map(([code]) => code).filter((code) => !page.includes(`\`${code}\``))).toEqual([])
})
