import { describe, expect, test } from 'vitest'
import { WriteFreeze } from '../../engine/write-freeze.ts'
import { GrowthWatch } from './growth-watch.ts'

const MB = 1_000_000

/** A database of which the test sets the size. Its namespace answers reports when the test says so. */
function database(leftBytes: number) {
  const state = {
    bytes: 0,
    reported: 0,
    reports: 0,
    sampled: 0,
    written: false,
    held: undefined as Promise<void> | undefined,
  }
  const writes = new WriteFreeze()
  let answer: { accept: () => void; reject: () => void } | undefined
  const watch = new GrowthWatch({
    file: {
      get databaseSize() {
        return state.bytes
      },
    },
    exclusion: {
      get held() {
        return state.held
      },
    },
    growth: {
      takeWritten: () => {
        const { written } = state
        state.written = false
        return written
      },
    },
    samples: {
      sampleAbove: () => {
        state.sampled++
      },
    },
    size: {
      get unreportedBytes() {
        return state.bytes - state.reported
      },
      measure: () => undefined,
    },
    quotas: { leftBytes },
    writes,
    report: () => {
      state.reports++
      const bytes = state.bytes
      return new Promise((resolve, reject) => {
        answer = {
          accept: () => {
            state.reported = bytes
            resolve()
          },
          reject: () => reject(new Error('unreachable')),
        }
      })
    },
  })
  /** Runs a call that writes, unless writes are frozen. */
  const write = (bytes: number, durationMs = 10) => {
    if (writes.frozen) return false
    state.bytes += bytes
    state.written = true
    watch.called(durationMs)
    return true
  }
  const answered = async (how: 'accept' | 'reject') => {
    const { frozen } = writes
    answer?.[how]()
    await frozen
  }
  return { state, watch, write, writes, answered }
}

describe('growth', () => {
  test.each([
    ['16 MB where little is left', 0, 16],
    ['16 MB at 1.6 GB', 1_600 * MB, 16],
    ['1% of what is left', 5_000 * MB, 50],
    ['100 MB where much is left', 100_000 * MB, 100],
  ])('is reported above %s, and then writes wait', async (_, left, limit) => {
    const { state, write, answered } = database(left)
    for (let round = 1; round <= 3; round++) {
      for (let i = 0; i < limit; i++) expect(write(MB)).toBe(true)
      expect(state.reports).toBe(round - 1)
      expect(write(MB)).toBe(true)
      expect(state.reports).toBe(round)
      expect(write(MB)).toBe(false)
      await answered('accept')
    }
  })

  test('of a database that is not reported stays below the limit and one call, in any number of calls', async () => {
    const { state, write, writes, answered } = database(0)
    for (let i = 0; i < 500; i++) {
      write((i % 7) * MB)
      expect(state.bytes - state.reported).toBeLessThanOrEqual((16 + 6) * MB)
      if (writes.frozen) await answered('accept')
    }
    expect(state.reports).toBeGreaterThan(50)
  })

  test('is reported again after a report failed, and writes continue', async () => {
    const { state, write, writes, answered } = database(0)
    write(20 * MB)
    await answered('reject')
    expect(writes.frozen).toBeUndefined()
    write(1)
    expect(state.reports).toBe(2)
  })

  test('is checked after 10 ms of writes, not after reads and not in a task that can be rolled back', () => {
    const { state, watch, write } = database(0)
    for (let i = 0; i < 9; i++) write(10 * MB, 1)
    for (let i = 0; i < 100; i++) watch.called(5)
    expect([state.sampled, state.reports]).toEqual([0, 0])
    state.held = Promise.resolve()
    write(0, 1_000)
    expect([state.sampled, state.reports]).toEqual([0, 0])
    state.held = undefined
    write(0, 1)
    expect([state.sampled, state.reports]).toEqual([1, 1])
  })

  test('that is gone needs no report', () => {
    const { state, write } = database(0)
    write(10 * MB)
    for (let i = 0; i < 10; i++) {
      write(6 * MB)
      write(-6 * MB)
    }
    expect(state.reports).toBe(0)
  })
})
