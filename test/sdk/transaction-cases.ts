import type * as Sdk from '../../packages/sdk/src/index.ts'
import { type Case, failure, same } from './cases.ts'

const COUNTER = 'CREATE TABLE counters (id INTEGER PRIMARY KEY, n INTEGER NOT NULL)'
const read = async (db: Pick<Sdk.PerSQLDatabase, 'query'>) =>
  (await db.query<{ n: number }>('SELECT n FROM counters WHERE id = 1')).data[0]?.n ?? 0
const count = async (db: Pick<Sdk.PerSQLDatabase, 'query'>) =>
  (await db.query<{ n: number }>('SELECT count(*) AS n FROM counters')).data[0]?.n
const code = (promise: Promise<unknown>) =>
  promise.then(
    () => 'ok',
    (error) => (error as Sdk.PerSQLError).code ?? String(error),
  )

async function counter(db: Sdk.PerSQLDatabase): Promise<void> {
  await db.query(COUNTER)
  await db.query('INSERT INTO counters VALUES (1, 0)')
}

/** Cases of interactive transactions. */
export const transactionCases: Record<string, Case> = {
  'a transaction reads, decides and writes, and returns the result of its function': async (db) => {
    await counter(db)
    const result = await db.transaction(async (tx) => {
      const n = await read(tx)
      const { changes } = await tx.query('UPDATE counters SET n = ? WHERE id = 1', [n + 2])
      same([changes, await read(tx)], [1, 2])
      const { lastInsertRowid } = await tx.query('INSERT INTO counters (n) VALUES (7)')
      const [one, two] = await tx.batch<{ n: number }>([
        { sql: 'SELECT n FROM counters WHERE id = ?', params: [lastInsertRowid ?? null] },
        { sql: 'SELECT count(*) AS n FROM counters', expect: { rows: 1 } },
      ])
      return [one?.data[0]?.n, two?.data[0]?.n]
    })
    same([result, await read(db), await count(db)], [[7, 2], 2, 2])
    same(await db.transaction(() => 'nothing'), 'nothing')
  },
  'a transaction that throws writes nothing': async (db) => {
    await counter(db)
    const mine = new Error('mine')
    const thrown = db.transaction(async (tx) => {
      await tx.query('UPDATE counters SET n = 9')
      throw mine
    })
    same(await failure(thrown), mine)
    same(await read(db), 0)
  },
  'a statement that fails changes nothing, and the transaction goes on': async (db) => {
    await counter(db)
    await db.transaction(async (tx) => {
      same(await code(tx.query('INSERT INTO counters VALUES (1, 1)')), 'sql_error')
      await tx.query('INSERT INTO counters VALUES (2, 2)')
      same(await code(tx.query('SELECT nope')), 'sql_error')
      same(
        await code(tx.batch([{ sql: 'INSERT INTO counters VALUES (3, 3)' }, { sql: 'INSERT INTO nope VALUES (1)' }])),
        'sql_error',
      )
      const unmet = tx.batch([{ sql: 'UPDATE counters SET n = 5 WHERE id > 90', expect: { rowsWritten: 1 } }])
      same(await code(unmet), 'expectation_failed')
    })
    same((await db.query('SELECT id FROM counters ORDER BY id')).rows, [[1], [2], [3]])
  },
  'statements that are not awaited run in their order': async (db) => {
    await counter(db)
    await db.transaction((tx) => {
      for (let i = 0; i < 5; i++) void tx.query('UPDATE counters SET n = n * 2 + ?', [i])
    })
    same(await read(db), 26)
  },
  'a nested transaction is undone alone': async (db) => {
    await counter(db)
    await db.transaction(async (tx) => {
      await tx.transaction(async (inner) => {
        await inner.query('INSERT INTO counters VALUES (2, 2)')
        await failure(
          inner.transaction(async (innermost) => {
            await innermost.query('INSERT INTO counters VALUES (3, 3)')
            throw new Error('undo')
          }),
        )
        same(await count(inner), 2)
      })
      await failure(
        tx.transaction(async (inner) => {
          await inner.query('UPDATE counters SET n = 9')
          await inner.transaction((innermost) => innermost.query('INSERT INTO counters VALUES (4, 4)'))
          throw new Error('undo')
        }),
      )
      await tx.transaction(() => {})
      await tx.query('INSERT INTO counters VALUES (5, 5)')
      await failure(
        tx.transaction(async (inner) => {
          await inner.query('DELETE FROM counters WHERE id = 1')
          throw new Error('undo')
        }),
      )
    })
    same((await db.query('SELECT id, n FROM counters ORDER BY id')).rows, [
      [1, 0],
      [2, 2],
      [5, 5],
    ])
  },
  'a nested transaction is used by its own argument': async (db) => {
    await counter(db)
    await db.transaction(async (tx) => {
      let late: Sdk.Transaction | undefined
      await tx.transaction(async (inner) => {
        late = inner
        same(await code(tx.query('SELECT 1')), 'transaction_nested')
        same(await code(tx.transaction(() => {})), 'transaction_nested')
      })
      same(await code((late as Sdk.Transaction).query('SELECT 1')), 'transaction_ended')
      await tx.query('UPDATE counters SET n = 3')
    })
    same(await read(db), 3)
  },
  'after its end a transaction refuses statements': async (db) => {
    await counter(db)
    let late: Sdk.Transaction | undefined
    await db.transaction(async (tx) => {
      late = tx
      await read(tx)
    })
    same(await code((late as Sdk.Transaction).query('UPDATE counters SET n = 1')), 'transaction_ended')
    const tx = await db.begin()
    await tx.query('UPDATE counters SET n = 4')
    await tx.commit()
    same(
      [await code(tx.commit()), await code(tx.query('SELECT 1')), await code(tx.rollback())],
      ['transaction_ended', 'transaction_ended', 'ok'],
    )
    const other = await db.begin()
    await other.query('UPDATE counters SET n = 5')
    await other.rollback()
    same([await code(other.query('SELECT 1')), await read(db)], ['transaction_ended', 4])
  },
  'others read what was committed while a transaction is open': async (db) => {
    await counter(db)
    await db.transaction(async (tx) => {
      await tx.query('UPDATE counters SET n = 1')
      same([await read(db), await read(tx)], [0, 1])
      await tx.query('INSERT INTO counters VALUES (2, 2)')
      same([(await db.tables())[0]?.rowCount, await count(tx)], [1, 2])
      same(await db.transaction((other) => read(other), { mode: 'read' }), 0)
    })
    same([await read(db), await count(db)], [1, 2])
  },
  'writes of others wait for the end of a transaction': async (db) => {
    await counter(db)
    const order: string[] = []
    let beside: Promise<unknown> | undefined
    await db.transaction(async (tx) => {
      await tx.query('UPDATE counters SET n = 1')
      beside = db.query('UPDATE counters SET n = n * 10').then(() => order.push('beside'))
      await read(db)
      await tx.query('UPDATE counters SET n = n + 1')
      order.push('inside')
    })
    await beside
    same([order, await read(db)], [['inside', 'beside'], 20])
  },
  'transactions that increment one counter lose no increment': async (db) => {
    await counter(db)
    const increment = () =>
      db.transaction(async (tx) => {
        await tx.query('UPDATE counters SET n = ? WHERE id = 1', [(await read(tx)) + 1])
      })
    await Promise.all(Array.from({ length: 6 }, increment))
    same(await read(db), 6)
  },
  'a transaction that only reads sees one state, and runs again if that changes': async (db) => {
    await counter(db)
    let runs = 0
    const seen = await db.transaction(
      async (tx) => {
        const first = await read(tx)
        if (runs++ === 0) await db.query('UPDATE counters SET n = 5')
        return [first, await read(tx)]
      },
      { mode: 'read' },
    )
    same([seen, runs], [[5, 5], 2])
    const writing = db.transaction((tx) => tx.query('UPDATE counters SET n = 6'), { mode: 'read' })
    same([await code(writing), await read(db)], ['statement_not_allowed', 5])
  },
  'a transaction creates tables and uses them': async (db) => {
    await db.transaction(async (tx) => {
      await tx.query(COUNTER)
      await tx.query('INSERT INTO counters VALUES (1, 3)')
      await tx.query('ALTER TABLE counters ADD COLUMN note TEXT')
      await tx.query("UPDATE counters SET note = 'x'")
    })
    same((await db.query('SELECT * FROM counters')).data, [{ id: 1, n: 3, note: 'x' }])
  },
  'a random value is written as it was read, or refused': async (db) => {
    await db.query('CREATE TABLE t (id INTEGER PRIMARY KEY, r TEXT DEFAULT (hex(randomblob(8))))')
    let seen: unknown[][] = []
    const ended = await code(
      db.transaction(async (tx) => {
        const { rows } = await tx.query('INSERT INTO t DEFAULT VALUES RETURNING r')
        seen = (await tx.query('SELECT r FROM t')).rows
        same(seen, rows)
      }),
    )
    same(['ok', 'statement_not_allowed'].includes(ended), true)
    same((await db.query('SELECT r FROM t')).rows, seen)
  },
  'a foreign key that is checked at the end keeps the transaction open': async (db) => {
    await db.query('CREATE TABLE parents (id INTEGER PRIMARY KEY)')
    await db.query('CREATE TABLE children (parent INTEGER REFERENCES parents DEFERRABLE INITIALLY DEFERRED)')
    const tx = await db.begin()
    await tx.query('INSERT INTO children VALUES (1)')
    await failure(
      tx.transaction(async (inner) => {
        await inner.query('INSERT INTO children VALUES (2)')
        throw new Error('undo')
      }),
    )
    const error = (await failure(tx.commit())) as Sdk.PerSQLError
    same(error.detail?.kind, 'fk_violation')
    await tx.query('INSERT INTO parents VALUES (1)')
    await tx.commit()
    same((await db.query('SELECT parent FROM children')).rows, [[1]])
  },
  'transaction words, and conflict clauses that undo more than a statement, are refused': async (db) => {
    await counter(db)
    await db.transaction(async (tx) => {
      const codes: string[] = []
      for (const sql of ['BEGIN', 'COMMIT', 'ROLLBACK', 'INSERT OR ROLLBACK INTO counters VALUES (1, 1)'])
        codes.push(await code(tx.query(sql)))
      same(
        codes,
        codes.map(() => 'statement_not_allowed'),
      )
      await tx.query('SAVEPOINT "my own"')
      await tx.query('UPDATE counters SET n = 9')
      await tx.query('ROLLBACK TO SAVEPOINT "my own"')
      await tx.query('RELEASE "my own"')
      same(await code(tx.query('RELEASE "my own"')), 'sql_error')
    })
    same(await read(db), 0)
  },
  'an aborted transaction writes nothing': async (db) => {
    await counter(db)
    const abort = new AbortController()
    const reason = new Error('enough')
    const running = db.transaction(
      async (tx) => {
        await tx.query('UPDATE counters SET n = 9')
        abort.abort(reason)
        return tx.query('SELECT 1')
      },
      { signal: abort.signal },
    )
    same(await failure(running), reason)
    // The write doesn't wait, because the transaction was rolled back.
    await db.query('UPDATE counters SET n = n + 1')
    same(await read(db), 1)
  },
}
