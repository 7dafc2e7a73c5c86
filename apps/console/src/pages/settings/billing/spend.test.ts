import { expect, test } from 'vitest'
import { ledgerCsv } from './csv.ts'
import { forecast, lastDays, spendByDay } from './spend.ts'

const line = (quantity: number, costUsd: number) => ({ quantity, costUsd })
const spend = {
  requests: line(2000, 0.001),
  rowsRead: line(0, 0),
  rowsWritten: line(10, 0.00002),
  storageByteHours: line(3600, 0.000000002),
  aiTokens: line(0, 0),
}
const row = (day: string, database: string, requests: number, costUsd: number) => ({
  day,
  database,
  requests,
  rowsRead: 0,
  rowsWritten: 0,
  storageByteHours: 1800,
  aiTokens: 0,
  costUsd,
})
const nowMs = Date.parse('2026-03-01T12:00:00Z')

test('days are those of UTC, the oldest first, across months', () => {
  expect(lastDays(3, nowMs)).toEqual(['2026-02-27', '2026-02-28', '2026-03-01'])
})

test('databases of a day are added up by meter, and storage is what the others leave', () => {
  const days = [row('2026-03-01', 'a', 1000, 0.000500001), row('2026-03-01', 'b', 1000, 0.000500001)]
  const [before, day] = spendByDay(['2026-02-28', '2026-03-01'], { spend, days })
  expect(before?.costUsd).toBe(0)
  expect(day).toEqual({
    day: '2026-03-01',
    costUsd: 0.001000002,
    costs: { requests: 0.001, rowsRead: 0, rowsWritten: 0, aiTokens: 0, storageByteHours: 0.000000002 },
  })
})

test('the balance lasts as long as the last seven days say, and not what was before', () => {
  const costs = { requests: 0, rowsRead: 0, rowsWritten: 0, aiTokens: 0, storageByteHours: 0 }
  const days = lastDays(30, nowMs).map((day, index) => ({ day, costs, costUsd: index < 23 ? 100 : 1 }))
  expect(forecast(10, days, 0, nowMs)).toEqual({ perDayUsd: 1, emptyAt: '2026-03-11T12:00:00.000Z' })
  expect(forecast(10, days, nowMs - 2 * 86_400_000, nowMs).perDayUsd).toBe(3.5)
  expect(forecast(0, days, 0, nowMs).emptyAt).toBeUndefined()
  expect(forecast(10, [], 0, nowMs)).toEqual({ perDayUsd: 0 })
})

test('the ledger CSV quotes special characters and escapes formulas', () => {
  const entry = { id: 1, at: '2026-03-01T12:00:00Z', kind: 'topup' as const, amountUsd: 5, balanceUsd: 10 }
  expect(ledgerCsv([{ ...entry, ref: '=1+1', detail: { note: 'a "b", c' } }])).toBe(
    'id,at,kind,amount_usd,balance_usd,ref,detail\r\n' +
      `1,2026-03-01T12:00:00Z,topup,5.000000000,10.000000000,'=1+1,"{""note"":""a \\""b\\"", c""}"\r\n`,
  )
})
