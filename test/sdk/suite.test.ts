import { afterAll, beforeAll, describe, test } from 'vitest'
import * as sdk from '../../packages/sdk/src/index.ts'
import { type SharedPlatform, sharedPlatform, uniqueName } from '../shared-platform.ts'
import { cases, runCase } from './suite.ts'

const ns = uniqueName('acme')
let platform: SharedPlatform
let persql: sdk.PerSQL

beforeAll(async () => {
  platform = await sharedPlatform()
  const { token } = await platform.createNamespace(ns)
  persql = new sdk.PerSQL({ token, baseURL: platform.url })
})
afterAll(() => platform.stop())

describe('against the server', () => {
  for (const [index, [name, run]] of Object.entries(cases).entries()) {
    test(name, async () => {
      const open = (slug: string) => persql.database(ns, slug)
      await runCase(run, { sdk, open, request: (...call) => persql.request(...call) }, index)
    })
  }
})
