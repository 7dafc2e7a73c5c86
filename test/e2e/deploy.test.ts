import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { repository } from '../../apps/launcher/src/paths.ts'

test('the same Worker passes a dry run of a deployment to Cloudflare', async () => {
  const out = await mkdtemp(join(tmpdir(), 'persql-deploy-'))
  const run = promisify(execFile)
  await run(process.execPath, [join(repository, 'apps/launcher/console.mjs')], { cwd: repository })
  const wrangler = join(repository, 'node_modules/wrangler/bin/wrangler.js')
  const args = ['deploy', '--dry-run', '--config', 'apps/platform/wrangler.jsonc', '--outdir', out]
  const environment = { ...process.env, WRANGLER_SEND_METRICS: 'false', WRANGLER_LOG_PATH: out }
  const { stdout } = await run(process.execPath, [wrangler, ...args], {
    cwd: repository,
    env: environment,
  })
  for (const binding of ['DATABASES (Database)', 'NAMESPACES (Namespace)', 'DIRECTORY (Directory)']) {
    expect(stdout).toContain(binding)
  }
  expect(await readFile(join(out, 'index.js'), 'utf8')).toContain('export')
  await rm(out, { recursive: true, force: true })
})
