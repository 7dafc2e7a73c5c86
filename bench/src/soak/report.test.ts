import { describe, expect, it } from 'vitest'
import { reportSoak } from './report.ts'
import type { Window } from './soak.ts'

const minutes = 30
const windowMs = 15_000
const steady: Omit<Window, 'atMs'> = {
  platform: { residentMiB: 400, descriptors: 150 },
  readers: { residentMiB: 180, descriptors: 44 },
  files: 60,
  calls: 1_000,
  failures: 0,
  p99: 10,
}

/** Returns a report of a soak whose windows change with the share of it that is over, from 0 to 1. */
function report(change: (share: number) => Partial<Window>, failures: readonly (readonly [string, number])[] = []) {
  const count = (minutes * 60_000) / windowMs
  const windows = Array.from({ length: count }, (_, index) => ({
    atMs: (index + 1) * windowMs,
    ...steady,
    ...change((index + 1) / count),
  }))
  return reportSoak({ minutes, windows, failures: new Map(failures) })
}

describe('a soak', () => {
  it.each<[name: string, change: (share: number) => Partial<Window>]>([
    ['nothing changes', () => ({})],
    ['memory falls', (share) => ({ platform: { residentMiB: 400 - 50 * share, descriptors: 150 } })],
    [
      'memory grows during the warm-up',
      (share) => ({ platform: { residentMiB: share < 1 / 4 ? 100 : 400, descriptors: 150 } }),
    ],
    ['latency varies', (share) => ({ p99: Math.round(share * 100) % 2 ? 9 : 12 })],
  ])('passes if %s', (_, change) => {
    const { text, passed } = report(change)
    expect(text).not.toContain('grows')
    expect(text).toContain('Failed calls: none')
    expect(passed).toBe(true)
  })

  it.each<[measure: string, change: (share: number) => Partial<Window>]>([
    ['platform, MiB', (share) => ({ platform: { residentMiB: 400 + 50 * share, descriptors: 150 } })],
    ['platform, descriptors', (share) => ({ platform: { residentMiB: 400, descriptors: 150 + 100 * share } })],
    ['readers, MiB', (share) => ({ readers: { residentMiB: 180 + 50 * share, descriptors: 44 } })],
    ['readers, descriptors', (share) => ({ readers: { residentMiB: 180, descriptors: 44 + 50 * share } })],
    ['files', (share) => ({ files: 60 + 1_000 * share })],
    ['point read p99, ms', (share) => ({ p99: 10 + 20 * share })],
    ['failed calls in 15 s', (share) => ({ failures: share > 0.8 ? 1 : 0 })],
  ])('fails if this grows: %s', (measure, change) => {
    const { text, passed } = report(change)
    const growing = text.split('\n').filter((line) => line.endsWith('| grows |'))
    expect(growing.map((line) => line.split('|')[1]?.trim())).toEqual([measure])
    expect(passed).toBe(false)
  })

  it('fails if one call failed, and names it', () => {
    const { text, passed } = report(() => ({}), [['429 too_busy', 1]])
    expect(text).toContain('Failed calls: 429 too_busy: 1.')
    expect(passed).toBe(false)
  })
})
