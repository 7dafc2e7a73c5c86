import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { repository } from '../../apps/launcher/src/paths.ts'
import { listBlocks, readPage } from '../../tools/docs/pages.ts'

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

/** Lists the files of systemd that the documentation shows: the path in the first line, and the content. */
const documented = ['cells', 'logs'].flatMap((page) =>
  listBlocks(readPage(`docs/self-hosting/${page}.md`))
    .filter(({ info }) => info === 'ini')
    .map(({ code }) => [/^# \/etc\/systemd\/(\S+)/.exec(code)?.[1] ?? '', code] as const),
)

test('systemd finds no mistake in the units of the documentation', () => {
  const folder = mkdtempSync(join(tmpdir(), 'persql-units-'))
  try {
    const units = documented.filter(([path]) => path.startsWith('system/')).map(([path]) => path.slice(7))
    expect(units.sort()).toEqual([
      'persql-routing.path',
      'persql-routing.service',
      'persql.service.d/journal.conf',
      'persql.service.d/log.conf',
    ])
    writeFileSync(join(folder, 'persql.service'), unit.replace('/usr/bin/node', process.execPath))
    mkdirSync(join(folder, 'persql.service.d'))
    for (const [path, code] of documented)
      if (path.startsWith('system/')) writeFileSync(join(folder, path.slice(7)), code)
    // Drop-ins are read with their unit.
    const files = ['persql.service', 'persql-routing.path', 'persql-routing.service'].map((name) => join(folder, name))
    const { stderr, status } = spawnSync('systemd-analyze', ['verify', ...files], { encoding: 'utf8' })
    expect([status, stderr]).toEqual([0, ''])
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('the settings of the journal in the documentation exist', () => {
  const known = readFileSync('/etc/systemd/journald.conf', 'utf8')
  const [[, code = ''] = []] = documented.filter(([path]) => path.startsWith('journald@'))
  const names = [...code.matchAll(/^(\w+)=/gm)].map(([, name]) => name)
  expect(names.length).toBeGreaterThan(2)
  for (const name of names) expect(known).toMatch(new RegExp(`^#?${name}=`, 'm'))
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
