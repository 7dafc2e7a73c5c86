import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import * as sdk from '../../packages/sdk/src/index.ts'
import { startPlatform, type TestPlatform } from '../harness.ts'
import { cases } from './suite.ts'

let platform: TestPlatform
let persql: sdk.PerSQL

beforeAll(async () => {
  platform = await startPlatform()
  const { token } = await platform.createNamespace('acme')
  persql = new sdk.PerSQL({ token, baseURL: platform.url })
})
afterAll(() => platform.stop())

describe('against the server', () => {
  for (const [index, [name, run]] of Object.entries(cases).entries()) {
    test(name, async () => {
      await run(persql.database(`acme/case-${index}`), sdk)
      expect(platform.stderr.join('\n')).not.toContain('internal_error')
    })
  }
})
