import { describe, expect, it } from 'vitest'
import { median, summary } from './latencies.ts'

describe('summary', () => {
  it('returns the nearest ranks of the samples in any order', () => {
    const samples = new Float64Array(500)
    for (let index = 0; index < 200; index++) samples[index] = 200 - index
    expect(summary(samples, 200)).toEqual({ p50: 100, p99: 198, max: 200 })
  })

  it('is zero without samples', () => {
    expect(summary(new Float64Array(1), 0)).toEqual({ p50: 0, p99: 0, max: 0 })
  })
})

describe('median', () => {
  it('is the middle value', () => {
    expect(median([3, 10, 1])).toBe(3)
  })
})
