import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { repository } from './paths.ts'

const { scripts } = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')) as {
  scripts: Record<string, string>
}
const documents = ['CONTRIBUTING.md', 'docs/writing.md', '.github/PULL_REQUEST_TEMPLATE.md']

test.each(documents)('every script that %s names exists', (document) => {
  const text = readFileSync(join(repository, document), 'utf8')
  const named = [...text.matchAll(/npm (?:run )?(start|test(?::\w+)?|(?<=npm run )[\w:]+)/g)].map(([, name]) => name)
  expect(named.length).toBeGreaterThan(0)
  expect(named.filter((name) => !(String(name) in scripts))).toEqual([])
})

test('CONTRIBUTING.md lists every script of development', () => {
  const text = readFileSync(join(repository, 'CONTRIBUTING.md'), 'utf8')
  const forOperators = ['operator', 'deploy']
  expect(Object.keys(scripts).filter((name) => !text.includes(name) && !forOperators.includes(name))).toEqual([])
})

const launcher = join(repository, 'apps/launcher')
const modules = readdirSync(launcher).filter((name) => name.endsWith('.mjs'))
const programs = [
  ...new Set(Object.values(scripts).flatMap((script) => /apps\/launcher\/([\w-]+\.mjs)/.exec(script)?.[1] ?? [])),
]

test('every program of the launcher ends quietly when its reader closes the pipe', () => {
  expect(programs.length).toBeGreaterThan(5)
  for (const name of programs) {
    expect(modules).toContain(name)
    expect(readFileSync(join(launcher, name), 'utf8'), name).toMatch(/^import '\.\/closed-pipe\.mjs'$/m)
  }
})

test('a program whose reader closes the pipe ends without a stack trace', async () => {
  const child = spawn(process.execPath, ['apps/launcher/operator.mjs', '--help'], {
    cwd: repository,
    stdio: 'pipe',
  })
  child.stdout.destroy()
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const [code] = await once(child, 'close')
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
})
