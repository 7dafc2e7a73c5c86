import { table } from './tables.ts'
import type { Target } from './targets.ts'

const insert = { sql: 'insert into log (name, value) values (?, ?)', params: ['entry', 1] }
const read = { sql: 'select name, value from items where id = ?', params: [7] }
const update = { sql: 'update items set value = value + ? where id = ?', params: [1, 7] }
const statements = [read, update, insert]

/** Sends a call to the database and returns `data` of its response. */
type Send = (path: string, body: object) => Promise<{ id: string }>

/** The ways to run three statements, of which two write. */
const ways: Record<string, (send: Send) => Promise<void>> = {
  'three queries': async (send) => {
    for (const statement of statements) await send('query', statement)
  },
  'batch in one transaction': async (send) => {
    await send('batch', { statements, transaction: true })
  },
  'transaction, a request for each statement': async (send) => {
    const { id } = await send('transactions', { mode: 'write', statements: [read] })
    await send(`transactions/${id}/statements`, { step: 1, statements: [update] })
    await send(`transactions/${id}/statements`, { step: 2, statements: [insert] })
    await send(`transactions/${id}/commit`, {})
  },
  'transaction, the writes with the commit': async (send) => {
    const { id } = await send('transactions', { mode: 'write', statements: [read] })
    await send(`transactions/${id}/commit`, { statements: [update, insert] })
  },
}

/** Measures the ways in turn, on one connection. Returns a Markdown table. */
export async function measureTransactions({ instance, place }: Target, rounds: number): Promise<string> {
  const { namespace, database, token } = place('main')
  const send: Send = async (path, body) => {
    const response = await fetch(`http://127.0.0.1:${instance.port}/v1/db/${namespace}/${database}/${path}`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    })
    const { data, error } = (await response.json()) as { data: { id: string }; error?: string }
    if (error !== undefined) throw new Error(`${path}: ${error}`)
    return data
  }
  const times = new Map(Object.keys(ways).map((name) => [name, [] as number[]]))
  const warmUp = 50
  for (let round = -warmUp; round < rounds; round++) {
    for (const [name, run] of Object.entries(ways)) {
      const startMs = performance.now()
      await run(send)
      if (round >= 0) times.get(name)?.push(performance.now() - startMs)
    }
  }
  const p50 = (name: string) => times.get(name)?.sort((a, b) => a - b)[Math.floor(rounds / 2)] ?? 0
  const [first = ''] = Object.keys(ways)
  const rows = Object.keys(ways).map((name) => [name, p50(name).toFixed(2), (p50(name) / p50(first)).toFixed(2)])
  return table(['three statements', 'p50 ms', 'ratio'], rows)
}
