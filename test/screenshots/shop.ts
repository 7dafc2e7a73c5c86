import type { TestPlatform } from '../harness.ts'
import { oauthClient, pkce } from '../oauth.ts'
import { shop, traffic } from './shop-tables.ts'

type Session = Awaited<ReturnType<TestPlatform['signUp']>>

/** The namespace and the database of the screenshots. */
export const NAMESPACE = 'northwind'
export const DATABASE = 'shop'
export const PASSWORD = 'correct horse battery'

/** Data to open the pages of the server. */
export interface Shop {
  owner: Session
  /** Paths with secrets or IDs, by the names of their pages. */
  addresses: { invite: string; approve: string; consent: string; webhook: string; migration: string; branch: string }
}

/** Fills a platform with a small shop, as after some time of use. */
export async function openShop(platform: TestPlatform): Promise<Shop> {
  const owner = await platform.signUp('ada@northwind.example')
  const ask = asked(owner)
  const ns = `/api/namespaces/${NAMESPACE}`
  const db = `${ns}/databases/${DATABASE}`
  const sql = (text: string) => ask(`${db}/query`, { sql: text })
  await ask('/api/namespaces', { slug: NAMESPACE })
  await platform.request(`/api/operator/namespaces/${NAMESPACE}/credit`, {
    token: platform.secret,
    body: { amountUsd: 120, note: 'Transfer 2026-01' },
  })
  for (const slug of [DATABASE, 'analytics', 'staging', 'customer-support-tickets-europe'])
    await ask(`${ns}/databases`, { slug })
  for (const statement of shop) await sql(statement)
  await describeShop(ask, db)
  const webhook = await reach(ask, db)
  for (let customer = 1; customer <= 40; customer++)
    await platform.request(`/p/${NAMESPACE}/${DATABASE}/orders-of?customer=${customer}`)
  const { migration, branch } = await change(ask, db, sql)
  for (const statement of traffic) await sql(statement)
  await owner.request(`${db}/query`, { body: { sql: 'SELECT price FROM products' } })
  const approve = await guard(owner, ask, db)
  const invite = await people(platform, ask, ns, db)
  return { owner, addresses: { invite, approve, webhook, migration, branch, consent: await consent(platform, owner) } }
}

// biome-ignore lint/suspicious/noExplicitAny: any response of the API
type Ask = (path: string, body: object, method?: string) => Promise<any>

/** Returns a function that calls the API as a user and throws at the first error. */
const asked =
  ({ request }: Session): Ask =>
  async (path, body, method = 'POST') => {
    const answer = await request(path, { body, method })
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${JSON.stringify(answer.body)}`)
    return answer.body.data
  }

const describeShop = (ask: Ask, db: string) =>
  ask(
    `${db}/describe`,
    {
      databaseDescription: 'Everything the shop sells, and to whom.',
      tables: [
        {
          table: 'customers',
          description: 'People who have ordered at least once.',
          columns: [{ column: 'note', description: 'For the courier.' }],
        },
        { table: 'orders', description: 'One row for each order, from open to delivered.', columns: [] },
      ],
    },
    'PUT',
  )

/** Creates endpoints, webhooks, schedules and a hostname. Returns the ID of a webhook. */
async function reach(ask: Ask, db: string): Promise<string> {
  const id = [{ name: 'customer', type: 'integer', required: true }]
  const list = {
    slug: 'orders-of',
    name: 'Orders of a customer',
    kind: 'query',
    method: 'GET',
    sql: 'SELECT id, status, total_cents FROM orders WHERE customer_id = ?',
    input: id,
    output: 'rows',
    rateLimit: { perMin: 60 },
    cors: ['https://shop.example'],
  }
  const review = {
    slug: 'add-review',
    name: 'Write a review',
    kind: 'mutation',
    method: 'POST',
    sql: 'INSERT INTO reviews (product_id, body) VALUES (?, ?)',
    input: [
      { name: 'product', type: 'integer', required: true },
      { name: 'body', type: 'text', required: true, maxLength: 2000 },
    ],
    output: 'rows_written',
  }
  const stock = {
    slug: 'stock',
    name: 'Stock of everything',
    kind: 'query',
    method: 'GET',
    sql: 'SELECT name, stock FROM products ORDER BY name',
    input: [],
    output: 'rows',
  }
  for (const endpoint of [list, review, stock]) await ask(`${db}/endpoints`, endpoint)
  for (const slug of ['orders-of', 'add-review']) await ask(`${db}/endpoints/${slug}/publish`, {})
  await ask(`${db}/endpoints/add-review/pause`, {})
  const { id: webhook } = await ask(`${db}/webhooks`, {
    name: 'Warehouse',
    url: 'https://hooks.northwind.example/orders',
    tables: ['orders'],
    events: ['insert', 'update'],
  })
  await ask(`${db}/webhooks`, {
    name: 'Audit of the schema',
    url: 'https://ops.northwind.example/schema-changes',
    events: ['schema'],
    enabled: false,
  })
  await ask(`${db}/schedules`, {
    name: 'Close unpaid orders',
    sql: "UPDATE orders SET status = 'expired' WHERE status = 'open' AND placed_at < datetime('now', '-30 days')",
    intervalSec: 3600,
  })
  await ask(`${db}/schedules`, {
    name: 'Refresh the search',
    sql: "INSERT INTO product_search (product_search) VALUES ('optimize')",
    intervalSec: 86_400,
    enabled: false,
  })
  await ask(`${db}/hostnames`, { hostname: 'data.northwind.example' })
  return webhook
}

/** Creates migrations, snapshots and branches. */
async function change(ask: Ask, db: string, sql: (text: string) => Promise<unknown>) {
  const migrate = (name: string, text: string) => ask(`${db}/migrations`, { name, sql: text })
  const { id } = await migrate(
    'Track shipping',
    'ALTER TABLE orders ADD COLUMN shipped_at TEXT;\nCREATE INDEX orders_by_status ON orders (status);',
  )
  await ask(`${db}/migrations/${id}/apply`, {})
  const { id: migration } = await migrate(
    'Coupons',
    'CREATE TABLE coupons (code TEXT PRIMARY KEY, percent INTEGER NOT NULL, ends_at TEXT);\nALTER TABLE orders ADD COLUMN coupon TEXT REFERENCES coupons (code);',
  )
  for (const label of ['Before the spring sale', 'Before importing suppliers']) await ask(`${db}/snapshots`, { label })
  await sql('DELETE FROM reviews')
  await ask(`${db}/restore`, { snapshotId: (await latest(ask, db)).id })
  const branch = 'agent/reorder-levels'
  await ask(`${db}/claim_branch`, { ref: branch, purpose: 'Reorder levels', role: 'admin', ttlSec: 604_800 })
  await ask(`${db}/claim_branch`, { ref: 'bo/price-history', purpose: 'Price history', role: 'write', ttlSec: 0 })
  const branches = await ask(`${db}/branches`, undefined as never, 'GET')
  const { slug } = branches.find(({ branchRef }: { branchRef: string }) => branchRef === branch)
  await ask(`${db.replace(/[^/]+$/, slug)}/query`, {
    sql: 'ALTER TABLE products ADD COLUMN reorder_at INTEGER NOT NULL DEFAULT 10',
  })
  return { migration, branch }
}

const latest = async (ask: Ask, db: string) => (await ask(`${db}/snapshots`, undefined as never, 'GET'))[0]

/** Creates approval rules and a pending request. Returns the path of its approval page. */
async function guard({ request }: Session, ask: Ask, db: string): Promise<string> {
  await ask(`${db}/approval_rules`, {
    tableGlob: 'payments_*',
    action: 'deny',
    note: 'Only the payment provider writes here.',
  })
  await ask(`${db}/approval_rules`, {
    tableGlob: 'products',
    action: 'require_approval',
    note: 'A second person checks price changes.',
  })
  const { body } = await request(`${db}/query`, {
    body: { sql: 'UPDATE products SET price_cents = price_cents * ? WHERE stock > ?', params: [0.8, 100] },
  })
  return new URL(body.approvalUrl).pathname
}

/** Creates members, tokens and an invitation. Returns the path of the invitation. */
async function people(platform: TestPlatform, ask: Ask, ns: string, db: string): Promise<string> {
  const invite = async (email: string, role: string) =>
    new URL((await ask(`${ns}/invitations`, { email, role })).link).pathname
  for (const [email, role] of [
    ['bo@northwind.example', 'admin'],
    ['chidi@northwind.example', 'editor'],
    ['dana@northwind.example', 'viewer'],
  ] as const) {
    const path = await invite(email, role)
    await asked(await platform.signUp(email))(`/api/invitations/${path.split('/').at(-1)}/accept`, {})
  }
  await ask(`${db}/shares`, { email: 'dana@northwind.example', role: 'editor' })
  await ask(`${ns}/tokens`, { name: 'Web shop', role: 'readwrite' })
  await ask(`${ns}/tokens`, {
    name: 'Reporting',
    role: 'readonly',
    tableScope: ['orders', 'customers', 'revenue_by_city'],
  })
  await ask(`${ns}/tokens`, { name: 'Deployments', role: 'admin' })
  return invite('emre@northwind.example', 'editor')
}

/** Creates a connected app, and returns the path at which another app requests access. */
async function consent(platform: TestPlatform, owner: Session): Promise<string> {
  const client = oauthClient(platform, owner)
  const { body } = await client.register({ client_name: 'Inventory agent' })
  await client.tokens({ clientId: body.client_id, namespace: NAMESPACE })
  return `/oauth/authorize?${client.createQuery(body.client_id, pkce().challenge, { query: { namespace: NAMESPACE } })}`
}
