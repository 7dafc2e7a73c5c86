import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { repository } from '../../apps/launcher/src/paths.ts'

test('npm run deploy passes a dry run of a deployment to Cloudflare', async () => {
  const out = await mkdtemp(join(tmpdir(), 'persql-deploy-'))
  const args = ['run', 'deploy', '--', '--dry-run', '--outdir', out]
  const env = { ...process.env, WRANGLER_SEND_METRICS: 'false', WRANGLER_LOG_PATH: out }
  // The first run on a machine downloads wrangler.
  const { stdout } = await promisify(execFile)('npm', args, { cwd: repository, env, maxBuffer: 16 * 1024 * 1024 })
  for (const binding of ['DATABASES (Database)', 'NAMESPACES (Namespace)', 'DIRECTORY (Directory)', 'ASSETS']) {
    expect(stdout).toContain(binding)
  }
  const [, gzipKiB] = /Total Upload: .* gzip: ([\d.]+) KiB/.exec(stdout) ?? []
  // The free plan of Cloudflare Workers takes 3 MB.
  expect(Number(gzipKiB)).toBeLessThan(3_000_000 / 1024)
  const code = await readFile(join(out, 'index.js'), 'utf8')
  expect(code).toContain('export')
  expect(code.length).toBeLessThan(3_000_000)
  // Stack traces need the names, and the map from the minified code to the source.
  expect(code).toContain('"PerSQLError"')
  const { sources } = JSON.parse(await readFile(join(out, 'index.js.map'), 'utf8')) as { sources: string[] }
  expect(sources.filter((source) => source.endsWith('apps/platform/src/api/execute.ts'))).toHaveLength(1)
  const served = await readdir(join(repository, 'dist/console/deployed/packages'))
  expect(served).toEqual(expect.arrayContaining(['index.json', expect.stringMatching(/^persql-sdk-.*\.tgz$/)]))
  await rm(out, { recursive: true, force: true })
}, 600_000)
