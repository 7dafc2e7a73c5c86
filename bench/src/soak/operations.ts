/** Sends a request and counts it. Paths start with `/v1`. */
export type Send = (path: string, body?: unknown, method?: string) => Promise<void>

/** An operation of a client. `at` is the path of its database, and `call` is unique. */
export type Operation = (send: Send, at: string, call: number) => Promise<void>

const query = (sql: string, ...params: unknown[]) => ({ sql, params })
const counted = 'with n(i) as (select 1 union all select i + 1 from n where i < 100000) select count(*) from n'

/** The most frequent operation, whose latency is measured. */
export const pointRead: Operation = (send, at, call) =>
  send(`${at}/query`, query('select * from items where id = ?', (call % 1_000) + 1))

/** The last import of each database. */
const lastImports = new Map<string, Promise<void>>()

/**
 * The number of names of branches and databases. The file of a deleted one remains until the next start. Calls of the same
 * operation whose numbers are less than 100 apart have different names.
 */
const names = 10

/**
 * The operations, in the proportion of a busy instance. They delete as much as they create, so the data stays the same.
 */
const operations: readonly (readonly [weight: number, run: Operation])[] = [
  [40, pointRead],
  [20, (send, at, call) => send(`${at}/query`, query('insert into log (text) values (?)', `entry ${call}`))],
  [5, (send, at) => send(`${at}/query`, query('delete from log where id < (select max(id) from log) - 1000'))],
  [8, (send, at) => send(`${at}/query`, query('select * from items order by name limit 500'))],
  [6, (send, at) => send(`${at}/query`, query(counted))],
  [2, (send, at) => send(`${at}/query`, query("select printf('%.*c', 1000000, 'x') from items limit 4"))],
  [4, (send, at) => send(`${at}/describe`)],
  [
    4,
    oneAtATime(async (send, at, call) => {
      await send(`${at}/import?format=csv&create=1&table=t${call}`, `a,b\n${'1,2\n'.repeat(2_000)}`)
      // This creates an automatic snapshot, of which a database keeps 10.
      await send(`${at}/query`, query(`drop table t${call}`))
    }),
  ],
  [2, (send, at) => send(`${at}/export?format=sql`)],
  [
    2,
    async (send, at, call) => {
      const branch = `${at}/branches/b${call % names}`
      await send(branch, {}, 'PUT')
      await send(branch, undefined, 'DELETE')
    },
  ],
  [
    2,
    async (send, at, call) => {
      const slug = `d${call % names}`
      await send('/v1/databases', { slug })
      await send(`${at.slice(0, at.lastIndexOf('/'))}/${slug}/query`, query('create table t (a)'))
      await send(`/v1/databases/${slug}`, undefined, 'DELETE')
    },
  ],
]

const total = operations.reduce((sum, [weight]) => sum + weight, 0)
/** Has no factor in common with the total, so that all operations occur, mixed. */
const step = 37

/** Returns an operation by its weight: the calls go through all of them in a fixed, mixed order. */
export function pick(call: number): Operation {
  let left = (call * step) % total
  for (const [weight, run] of operations) {
    if (left < weight) return run
    left -= weight
  }
  throw new Error('The weights of the operations are inconsistent.')
}

/** Creates the tables of a database. */
export async function seed(send: Send, at: string): Promise<void> {
  for (const sql of [
    'create table items (id integer primary key, name text, value real)',
    'create table log (id integer primary key, text text)',
    `insert into items with n(i) as (select 1 union all select i + 1 from n where i < 30000)
       select i, 'name ' || i, i * 1.5 from n`,
  ]) {
    await send(`${at}/query`, query(sql))
  }
}

/** Runs an import after the previous one of the same database, which accepts one at a time. */
function oneAtATime(run: Operation): Operation {
  return (send, at, call) => {
    const next = () => run(send, at, call)
    const current = (lastImports.get(at) ?? Promise.resolve()).then(next, next)
    lastImports.set(at, current)
    return current
  }
}
