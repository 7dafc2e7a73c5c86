import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { costNano, NOTHING, type Totals } from '../../money.ts'
import { type Allowance, Meter } from './meter.ts'

const used: fc.Arbitrary<Totals> = fc.record({
  requests: fc.nat(3),
  rowsRead: fc.nat(10_000),
  rowsWritten: fc.nat(10_000),
  aiTokens: fc.nat(10_000),
})
const allowance: fc.Arbitrary<Allowance> = fc.record({ version: fc.nat(20), ceilingNano: fc.nat(100_000) })

describe('a meter', () => {
  test('serves nothing before it was lent something', () => {
    expect(new Meter().canServe()).toBe(false)
    expect(new Meter({ requests: 1_000, rowsRead: 0, rowsWritten: 0, aiTokens: 0 }).canServe()).toBe(false)
  })

  test('serves exactly as many requests as its allowance covers', () => {
    fc.assert(
      fc.property(fc.nat(100_000), (ceilingNano) => {
        const meter = new Meter()
        meter.accept({ version: 1, ceilingNano })
        let served = 0
        while (meter.canServe()) {
          meter.charge({ requests: 1, rowsRead: 0, rowsWritten: 0, aiTokens: 0 }, 'tok')
          served++
        }
        expect(served).toBe(Math.floor(ceilingNano / 500))
        expect(meter.creditNano).toBe(ceilingNano % 500)
      }),
    )
  })

  test('goes below zero by the rows of the last request alone', () => {
    fc.assert(
      fc.property(fc.nat(1_000_000), fc.array(used, { maxLength: 50 }), (ceilingNano, calls) => {
        const meter = new Meter()
        meter.accept({ version: 1, ceilingNano })
        for (const { rowsRead, rowsWritten, aiTokens } of calls) {
          if (!meter.canServe()) break
          meter.charge({ requests: 1, rowsRead, rowsWritten, aiTokens }, 'tok')
          expect(meter.creditNano).toBeGreaterThanOrEqual(-costNano({ requests: 0, rowsRead, rowsWritten, aiTokens }))
        }
      }),
    )
  })

  test('counts on from what was saved, and credit is what its ceiling leaves of all that', () => {
    fc.assert(
      fc.property(used, fc.array(used), fc.nat(1e9), (saved, calls, ceilingNano) => {
        const meter = new Meter(saved)
        meter.accept({ version: 1, ceilingNano })
        for (const call of calls) meter.charge(call, 'tok')
        const sum = (name: keyof Totals) => calls.reduce((total, call) => total + call[name], saved[name])
        const totals = {
          requests: sum('requests'),
          rowsRead: sum('rowsRead'),
          rowsWritten: sum('rowsWritten'),
          aiTokens: sum('aiTokens'),
        }
        expect(meter.totals).toEqual(totals)
        expect(meter.creditNano).toBe(ceilingNano - costNano(totals))
        expect(meter.unsaved(meter.totals)).toBe(false)
        expect(meter.unsaved(saved)).toBe(calls.some((call) => costNano(call) > 0))
      }),
    )
  })

  test('ends with the newest allowance, regardless of their order and of repeats', () => {
    const arrivals = fc
      .uniqueArray(allowance, { minLength: 1, selector: ({ version }) => version })
      .chain((sent) => fc.shuffledSubarray([...sent, ...sent], { minLength: 1 }))
    fc.assert(
      fc.property(arrivals, (arrived) => {
        const meter = new Meter()
        for (const answer of arrived) meter.accept(answer)
        const newest = arrived.reduce((a, b) => (b.version > a.version ? b : a))
        expect(meter.allowance).toEqual(newest.version > 0 ? newest : { version: 0, ceilingNano: 0 })
      }),
    )
  })

  test('takes no answer from before a recall for credit', () => {
    fc.assert(
      fc.property(allowance, fc.nat(30), fc.array(allowance), (held, recalled, late) => {
        const meter = new Meter()
        meter.accept(held)
        meter.giveBack(recalled)
        expect(meter.canServe()).toBe(false)
        const last = Math.max(held.version, recalled)
        for (const answer of late) if (answer.version <= last) meter.accept(answer)
        expect(meter.canServe()).toBe(false)
        meter.accept({ version: last + 1, ceilingNano: 500 })
        expect(meter.canServe()).toBe(true)
      }),
    )
  })

  test('that gave back its credit without a recall waits for a newer allowance', () => {
    const meter = new Meter(NOTHING)
    meter.accept({ version: 7, ceilingNano: 1_000 })
    meter.giveBack()
    meter.accept({ version: 7, ceilingNano: 1_000 })
    expect(meter.canServe()).toBe(false)
    meter.accept({ version: 8, ceilingNano: 1_000 })
    expect(meter.canServe()).toBe(true)
  })
})
