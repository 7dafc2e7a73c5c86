import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PerSQL } from '../../packages/sdk/src/index.ts'
import { type SharedPlatform, sharedPlatform, uniqueName } from '../shared-platform.ts'
import type { Suite } from './suite.ts'

const here = dirname(fileURLToPath(import.meta.url))
const arch = process.arch === 'arm64' ? 'aarch64' : 'x64'
/** The path of Bun, which has SQLite for local mode built in. */
export const bun = createRequire(import.meta.url).resolve(`@oven/bun-${process.platform}-${arch}/bin/bun`)

/** Runs a suite with the real library on the real server, and in local mode. */
export function runSuite(name: string, suite: Suite): void {
  describe(`${name} on a server`, () => {
    const ns = uniqueName('acme')
    let platform: SharedPlatform
    let persql: PerSQL
    beforeAll(async () => {
      platform = await sharedPlatform()
      const { token } = await platform.createNamespace(ns)
      persql = new PerSQL({ token, baseURL: platform.url })
    })
    afterAll(() => platform?.stop())
    for (const [index, [title, run]] of Object.entries(suite).entries()) {
      test(title, async () => {
        await run(persql.database(`${ns}/case-${index}`))
      })
    }
  })

  test(`${name} in local mode`, async () => {
    const { stdout } = await promisify(execFile)(bun, [join(here, 'local.ts'), name])
    const results = JSON.parse(stdout.trim().split('\n').at(-1) ?? '')
    expect(results).toEqual(Object.fromEntries(Object.keys(suite).map((title) => [title, 'ok'])))
  })
}
