import {
  ApprovalRequiredError,
  InsufficientBalanceError,
  MergeRefusedError,
  PerSQL,
  type PerSQLDatabase,
  PerSQLError,
  RateLimitError,
} from '@persql/sdk'
import { verifyWebhook, WebhookVerificationError } from '@persql/sdk/webhooks'

/** The values that each example has. */
export interface Scope {
  /** A client with an admin token of the namespace `acme`. */
  readonly persql: PerSQL
  /** The database `acme/main`, with the table `people`. */
  readonly db: PerSQLDatabase
  /** A delivery of a webhook with the secret `whsec_…`. */
  readonly request: Request
}

/** An example: the pages show the body of the function. */
export type Example = (scope: Scope) => Promise<void>

/** The examples of the client and the resources of a namespace, in the order in which a test runs them. */
export const clientExamples = {
  'new PerSQL': async () => {
    const persql = new PerSQL({ token: 'psql_live_…', baseURL: 'https://sql.example.com' })
    const db = persql.database('acme/main')
    console.log(db.namespace, db.slug)
  },
  'persql.database': async ({ persql }) => {
    const main = persql.database('acme/main')
    const branch = persql.database('acme', 'main.pr-42') // the branch pr-42 of acme/main
    console.log(main.slug, branch.slug)
  },
  'persql.me': async ({ persql }) => {
    const { namespaceSlug, role, databases } = await persql.me()
    console.log(namespaceSlug, role, databases ?? 'all databases')
  },
  'persql.request': async ({ persql }) => {
    const tables = await persql.request<{ name: string }[]>('GET', '/v1/db/acme/main/tables')
    console.log(tables.map(({ name }) => name))
  },
  'persql.requestWithMeta': async ({ persql }) => {
    const body = { sql: 'SELECT count(*) FROM people' }
    const { data, meta } = await persql.requestWithMeta('POST', '/v1/db/acme/main/query', body)
    console.log(data, meta?.costUsd)
  },
  'persql.close': async () => {
    const local = new PerSQL({ local: ':memory:' })
    await local.database('acme/main').query('SELECT 1')
    await local.close()
  },
  'PerSQL.fromHandoff': async ({ db }) => {
    await db.branches.upsert('draft')
    const { token } = await db.branches.pin('draft', { role: 'write' })
    const sub = await PerSQL.fromHandoff(token) // in another process
    console.log(sub.handedOff.branchRef, sub.handedOff.role)
  },
  'persql.databases.create': async ({ persql }) => {
    const { slug, createdAt } = await persql.databases.create({ slug: 'customer-7', name: 'Customer 7' })
    console.log(slug, createdAt)
  },
  'persql.databases.list': async ({ persql }) => {
    for (let cursor: string | null | undefined; cursor !== null; ) {
      const page = await persql.databases.list({ sort: '-storedBytes', branches: 'none', ...(cursor && { cursor }) })
      for (const { slug, storedBytes } of page) console.log(slug, storedBytes)
      cursor = page.meta.nextCursor
    }
  },
  'persql.databases.get': async ({ persql }) => {
    const { status, rows } = await persql.databases.get('customer-7')
    console.log(status, rows)
  },
  'persql.databases.update': async ({ persql }) => {
    const { labels } = await persql.databases.update('customer-7', { labels: { plan: 'pro' }, deleteProtected: true })
    console.log(labels.plan)
    await persql.databases.update('customer-7', { deleteProtected: false })
  },
  'persql.databases.delete': async ({ persql }) => {
    await persql.databases.delete('customer-7')
  },
  'persql.tokens.create': async ({ persql }) => {
    const { id, token } = await persql.tokens.create({
      name: 'reports',
      role: 'readonly',
      databases: ['main'],
      tableScope: ['people'],
      expiresIn: 30 * 86_400,
    })
    console.log(id, token)
  },
  'persql.tokens.list': async ({ persql }) => {
    const tokens = await persql.tokens.list()
    console.log(tokens.map(({ name, role, preview }) => [name, role, preview]))
  },
  'persql.tokens.get': async ({ persql }) => {
    const [newest] = await persql.tokens.list({ q: 'reports', database: 'main' })
    if (newest) console.log((await persql.tokens.get(newest.id)).expiresAt)
  },
  'persql.tokens.rotate': async ({ persql }) => {
    const [newest] = (await persql.tokens.list()).filter(({ name }) => name === 'reports')
    if (newest) console.log((await persql.tokens.rotate(newest.id)).token)
  },
  'persql.tokens.revoke': async ({ persql }) => {
    const [newest] = (await persql.tokens.list()).filter(({ name }) => name === 'reports')
    if (newest) console.log((await persql.tokens.revoke(newest.id)).alsoRevoked)
  },
  'persql.billing.get': async ({ persql }) => {
    console.log((await persql.billing.get()).balanceUsd)
  },
  'persql.billing.topUp': async ({ persql }) => {
    const { url } = await persql.billing.topUp(25)
    console.log(`Pay at ${url}`)
  },
  'persql.billing.transfer': async ({ persql }) => {
    const { status, balanceUsd } = await persql.billing.transfer({ to: 'globex', amountUsd: 1 })
    console.log(status, balanceUsd)
  },
  'persql.billing.quotas': async ({ persql }) => {
    for (const { name, limit, used } of await persql.billing.quotas()) console.log(name, used, 'of', limit)
  },
  PerSQLError: async ({ db }) => {
    try {
      await db.query('SELECT nmae FROM people')
    } catch (error) {
      if (!(error instanceof PerSQLError)) throw error
      console.log(error.status, error.code, error.detail?.kind) // 400 sql_error unknown_column
    }
  },
  RateLimitError: async ({ db }) => {
    try {
      await db.query('SELECT count(*) FROM people', [], { maxRetries: 0 })
    } catch (error) {
      if (!(error instanceof RateLimitError)) throw error
      console.log(`Try again in ${error.retryAfter} s.`)
    }
  },
  InsufficientBalanceError: async ({ db }) => {
    try {
      await db.query('SELECT count(*) FROM people')
    } catch (error) {
      if (!(error instanceof InsufficientBalanceError)) throw error
      console.log(`Add $${error.topUp?.suggestedAmountUsd} with ${error.topUp?.url}`)
    }
  },
  ApprovalRequiredError: async ({ db }) => {
    try {
      await db.query("UPDATE people SET name = 'Ada' WHERE id = 1")
    } catch (error) {
      if (!(error instanceof ApprovalRequiredError)) throw error
      console.log(`Approve or deny at ${error.approvalUrl} until ${error.expiresAt}`)
    }
  },
  MergeRefusedError: async ({ db }) => {
    try {
      await db.branches.merge('draft', { mode: 'schema' })
    } catch (error) {
      if (!(error instanceof MergeRefusedError)) throw error
      for (const { name, reason } of error.report.schema.conflicts) console.log(name, reason)
    }
  },
  verifyWebhook: async ({ request }) => {
    const event = await verifyWebhook('whsec_…', request.headers, await request.text())
    if (event.type === 'row.change') console.log(event.table, event.kind)
  },
  WebhookVerificationError: async () => {
    try {
      await verifyWebhook('whsec_…', {}, '{}')
    } catch (error) {
      if (!(error instanceof WebhookVerificationError)) throw error
      console.log(error.code) // signature_missing
    }
  },
} as const satisfies Readonly<Record<string, Example>>
