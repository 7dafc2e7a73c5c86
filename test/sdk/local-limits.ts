import { PerSQL, type PerSQLError } from '../../packages/sdk/src/index.ts'

// Bun runs this file, because it has SQLite built in. It prints the codes and rows of transactions that exceed a limit in
// local mode, whose clock it changes.
const { now } = Date
let aheadMs = 0
Date.now = () => now() + aheadMs

const db = new PerSQL({ local: ':memory:' }).database('acme/main')
const code = (promise: Promise<unknown>) =>
  promise.then(
    () => 'ok',
    (error: PerSQLError) => error.code,
  )
const rows = async () => (await db.query('SELECT n FROM t')).rows.flat()
await db.query('CREATE TABLE t (n)')

const idle = await db.begin()
await idle.query('INSERT INTO t VALUES (1)')
aheadMs += 4_900
const inTime = await code(idle.query('INSERT INTO t VALUES (2)'))
aheadMs += 5_001
const idleCodes = [inTime, await code(idle.query('SELECT 1')), await code(idle.commit()), await rows()]

const long = await db.begin()
const longCodes: string[] = []
for (let step = 0; step < 5; step++) {
  longCodes.push(await code(long.query('INSERT INTO t VALUES (3)')))
  aheadMs += 4_000
}

// The write that waits ends the transaction when its limit has passed.
const abandoned = await db.begin()
await abandoned.query('INSERT INTO t VALUES (4)')
aheadMs += 4_990
await db.query('INSERT INTO t VALUES (5)')
const written = await rows()

const gone = await db.begin()
await gone.query('INSERT INTO t VALUES (6)')
aheadMs += 6_000
await gone.rollback()

console.log(
  JSON.stringify({ idleCodes, longCodes, written, abandoned: await code(abandoned.commit()), left: await rows() }),
)
