import { describe, expect, test } from 'vitest'
import { storageExceeded } from '../../storage/quota-exceeded.ts'
import { Growth } from './growth.ts'

const MB = 1_000_000

/** A database of which the test sets the size. */
function database(limitBytes: number) {
  const state = { bytes: 0, measured: 0, limit: { bytes: limitBytes, quota: 'database_bytes' as const } }
  const growth = new Growth({
    ownPages: {
      tenantBytes: () => {
        state.measured++
        return state.bytes
      },
      // PerSQL's own tables take 1 MB.
      get fileBytes() {
        return state.bytes + MB
      },
    },
    quotas: {
      get storage() {
        return state.limit
      },
      exceeded: (quota, used) => storageExceeded(quota, state.limit.bytes, used),
      getUse: (quota, used) => ({ quota, limit: state.limit.bytes, used }),
    },
  })
  /** Runs a write that grows the file, and rolls it back if it is refused. */
  const write = (bytes: number, entries = 1, isDelete = false) => {
    const isNear = growth.begin()
    const before = state.bytes
    state.bytes += bytes
    try {
      growth.wrote(entries, isDelete)
      return isNear ? 'near' : 'far'
    } catch {
      state.bytes = before
      return isNear ? 'refused' : 'refused without a transaction'
    }
  }
  return { state, growth, write }
}

describe('the growth of a database', () => {
  test('is measured rarely far from the limit', () => {
    const { state, write } = database(10_000 * MB)
    for (let i = 0; i < 5_000; i++) expect(write(100)).toBe('far')
    expect(state.measured).toBeLessThan(10)
  })

  test('never passes the limit, and every refused write was in a transaction', () => {
    const { state, write } = database(1_000 * MB)
    const outcomes = new Set<string>()
    for (let i = 0; i < 500; i++) outcomes.add(write(i % 3 === 0 ? 8 * MB : 1 * MB))
    expect([...outcomes].sort()).toEqual(['far', 'near', 'refused'])
    expect(state.bytes).toBe(1_000 * MB)
  })

  test('above a lowered limit, only writes that do not grow run', () => {
    const { state, write } = database(1_000 * MB)
    write(500 * MB, 100)
    state.limit = { ...state.limit, bytes: 100 * MB }
    expect([write(1), write(0), write(-MB), write(-MB), write(MB), write(0)]).toEqual([
      ...['refused', 'near', 'near', 'near', 'refused', 'near'],
    ])
    expect(state.bytes).toBe(498 * MB)
  })

  test('by DELETE has a reserve above the limit', () => {
    const { write } = database(100 * MB)
    expect([write(100 * MB), write(1), write(16 * MB, 1, true), write(1, 1, true)]).toEqual([
      ...['near', 'refused', 'near', 'refused'],
    ])
  })

  test('limits the file to what is left, and never below its size', () => {
    const { state, growth, write } = database(100 * MB)
    write(40 * MB)
    expect(growth.limit).toMatchObject({ maxFileBytes: 101 * MB, use: { limit: 100 * MB, used: 40 * MB } })
    state.limit = { ...state.limit, bytes: 10 * MB }
    expect(growth.limit).toMatchObject({ maxFileBytes: 41 * MB, use: { limit: 10 * MB } })
  })

  test('is measured after writes that SQLite does not count', () => {
    const { write } = database(1_000 * MB)
    expect(write(2_000 * MB, Number.POSITIVE_INFINITY)).toBe('refused without a transaction')
  })
})
