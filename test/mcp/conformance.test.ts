import { afterAll, beforeAll, expect, test } from 'vitest'
import { type SharedPlatform, sharedPlatform, uniqueName } from '../shared-platform.ts'
import { conformance, withToken } from './conformance.ts'
import { notApplicable } from './not-applicable.ts'

const ns = uniqueName('acme')

let platform: SharedPlatform
let door: Awaited<ReturnType<typeof withToken>>
beforeAll(async () => {
  platform = await sharedPlatform()
  const { token } = await platform.createNamespace(ns)
  door = await withToken(`${platform.url}/mcp`, token)
})
afterAll(async () => {
  door.close()
  await platform.stop()
})

/** Number of passing checks by revision; a lower number means that checks didn't run. */
const passing = { '2025-11-25': 37, '2026-07-28': 80 }

for (const revision of ['2025-11-25', '2026-07-28'] as const) {
  test(`passes every check of the official suite for ${revision} that applies`, async () => {
    const verdicts = await conformance(door.url, revision)
    const others = verdicts.filter(({ status }) => status !== 'SUCCESS')
    const reasons = notApplicable[revision]
    expect(new Set(others.map(({ check }) => check))).toEqual(new Set(reasons.flatMap(({ checks }) => checks)))
    for (const { check, says } of others) {
      expect(says).toMatch(reasons.find(({ checks }) => checks.includes(check))?.says ?? /^$/)
    }
    expect(verdicts.length - others.length).toBeGreaterThanOrEqual(passing[revision])
  })
}
