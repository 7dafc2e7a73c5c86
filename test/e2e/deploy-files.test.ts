import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { repository } from '../../apps/launcher/src/paths.ts'

const read = (file: string): string => readFileSync(join(repository, file), 'utf8')
const unit = read('deploy/persql.service')
const dockerfile = read('deploy/Dockerfile')
const program = 'node_modules/@persql/server/dist/persql-server.mjs'

test('the service and the image start the program of the package @persql/server', () => {
  const { bin } = JSON.parse(read('packages/server/package.json')) as { bin: Record<string, string> }
  expect(program).toBe(`node_modules/@persql/server/${bin['persql-server']}`)
  expect(unit).toContain(`/opt/persql/${program} start\n`)
  expect(dockerfile).toContain(`"/app/${program}"]\nCMD ["start"]`)
})

test('the image runs as another user than root, reports its health and needs no shell', () => {
  const runtime = dockerfile.slice(dockerfile.lastIndexOf('FROM '))
  expect(runtime).toMatch(/^USER 65532:65532$/m)
  expect(runtime).toMatch(/^STOPSIGNAL SIGTERM$/m)
  expect(runtime).not.toMatch(/^RUN /m)
  for (const [, command] of runtime.matchAll(/(?:^|\s)(?:CMD|ENTRYPOINT) (.*)$/gm))
    expect(command).toMatch(/^\[".*"\]$/)
  expect(runtime).toMatch(/^HEALTHCHECK /m)
})

test('systemd finds no mistake in the unit', () => {
  const folder = mkdtempSync(join(tmpdir(), 'persql-unit-'))
  try {
    const file = join(folder, 'persql.service')
    writeFileSync(file, unit.replace('/usr/bin/node', process.execPath))
    const { stderr, status } = spawnSync('systemd-analyze', ['verify', file], { encoding: 'utf8' })
    expect([status, stderr]).toEqual([0, ''])
    const level = execFileSync('systemd-analyze', ['security', '--offline=true', file], { encoding: 'utf8' })
    expect(level).toMatch(/exposure level for persql\.service: 1\.\d OK/)
  } finally {
    rmSync(folder, { recursive: true })
  }
})
