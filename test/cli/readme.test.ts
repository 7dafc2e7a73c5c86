import { execFile } from 'node:child_process'
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startPlatform, type TestPlatform } from '../harness.ts'
import { builtCli } from './program.ts'

let cli: Awaited<ReturnType<typeof builtCli>>
let platform: TestPlatform

beforeAll(async () => {
  ;[cli, platform] = await Promise.all([builtCli(), startPlatform()])
  await mkdir(join(cli.folder, 'bin'))
  await symlink(cli.file, join(cli.folder, 'bin/persql'))
})
afterAll(async () => {
  await platform?.stop()
  await cli?.remove()
})

test('the examples of the README run as they stand there', async () => {
  const { token } = await platform.createNamespace('acme')
  const text = await readFile('packages/cli/README.md', 'utf8')
  // The others install the program, or add it to an agent.
  const examples = [...text.matchAll(/^```sh\n((?!npm |npx |claude )[\s\S]*?)^```/gm)].map(([, code]) => code)
  expect(examples.length).toBeGreaterThan(4)
  await writeFile(join(cli.folder, 'token.txt'), token)
  const script = `set -euo pipefail\n${examples.join('\n').replaceAll('http://127.0.0.1:8787', platform.url)}`
  const env = {
    PATH: `${join(cli.folder, 'bin')}:${process.env.PATH}`,
    HOME: cli.folder,
  }
  const { stdout } = await promisify(execFile)('bash', ['-c', script], { cwd: cli.folder, env })
  for (const line of ['Logged in to acme', 'affected rows', '1-add-age', 'Deleted what-if.'])
    expect(stdout).toContain(line)
  expect(await readFile(join(cli.folder, 'main.sql'), 'utf8')).toContain('CREATE TABLE guests')
})
