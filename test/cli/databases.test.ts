import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startPlatform, type TestPlatform } from '../harness.ts'
import { builtCli } from './program.ts'

let cli: Awaited<ReturnType<typeof builtCli>>
let platform: TestPlatform
let env: Record<string, string>

const run = (...args: string[]) => cli.run([...args, '--json'], { env })
async function answer(...args: string[]) {
  const { code, stdout, stderr } = await run(...args)
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return JSON.parse(stdout)
}
const listed = async (...options: string[]) =>
  ((await answer('db', 'list', ...options)) as { slug: string }[]).map(({ slug }) => slug)

beforeAll(async () => {
  ;[cli, platform] = await Promise.all([builtCli(), startPlatform()])
  const { token } = await platform.createNamespace('acme')
  env = { PERSQL_TOKEN: token, PERSQL_API_URL: platform.url }
  await answer('db', 'create', 'cust-1', '--name', 'First', '--label', 'plan=pro', '--label', 'note=a,b\\c=d:e')
  await answer('db', 'create', 'cust-2', '--label', 'plan=pro', '--ttl', '30d')
  await answer('db', 'create', 'other', '--description', 'Of a test', '--max-size', '1.5MiB')
  await answer('db', 'branch', 'create', 'acme/cust-1', 'x')
})
afterAll(async () => {
  await platform?.stop()
  await cli?.remove()
})

const branch = expect.stringMatching(/^cust-1-x/)

describe('db list', () => {
  test.each<[options: string[], expected: unknown[]]>([
    [[], ['cust-1', branch, 'cust-2', 'main', 'other']],
    [
      ['--branches', 'none'],
      ['cust-1', 'cust-2', 'main', 'other'],
    ],
    [['--branches', 'only'], [branch]],
    [['--forked-from', 'cust-1'], [branch]],
    [
      ['--label', 'plan=pro'],
      ['cust-1', 'cust-2'],
    ],
    [['--label', 'note=a,b\\c=d:e'], ['cust-1']],
    [['--label', 'plan=pro', '--label', 'note=a,b\\c=d:e'], ['cust-1']],
    [['--label', 'plan='], []],
    [['--query', 'FIRST', '--branches', 'none'], ['cust-1']],
    [['--prefix', 'o'], ['other']],
    [['--status', 'damaged'], []],
    [
      ['--limit', '2', '--branches', 'none'],
      ['cust-1', 'cust-2'],
    ],
    [['--limit', '5000', '--prefix', 'o'], ['other']],
    [
      ['--sort=-createdAt', '--branches', 'none'],
      ['other', 'cust-2', 'cust-1', 'main'],
    ],
    [['--sort', '-createdAt', '--limit', '1', '--branches', 'none'], ['other']],
  ])('%j', async (options, expected) => {
    expect(await listed(...options)).toEqual(expected)
  })

  test.each([
    [['--limit', '0'], 'Invalid --limit "0". Expected a whole number from 1.'],
    [['--limit', '1.5'], 'Invalid --limit "1.5". Expected a whole number from 1.'],
    [['--label', 'plan'], 'Invalid --label "plan". Expected a pair such as plan=pro.'],
    [['--label', 'a=1', '--label', 'a=2'], '--label "a" is set twice.'],
    [['--sort', 'size'], expect.stringContaining('Invalid value "size" for --sort.')],
    [['--sort', '-size'], expect.stringContaining("'--sort' argument is ambiguous")],
    [['--', '--sort', '-rows'], expect.stringContaining('Unexpected argument')],
  ])('%j is refused', async (options, error) => {
    const { code, stderr } = await run('db', 'list', ...options)
    expect([code, JSON.parse(stderr).error]).toEqual([2, error])
  })
})

describe('db update', () => {
  test.each<[options: string[], expected: object]>([
    [['--name', 'New'], { name: 'New' }],
    [['--description', 'For tests'], { description: 'For tests' }],
    [['--description', ''], { description: null }],
    [['--label', 'plan=free', '--label', 'eu=1'], { labels: { plan: 'free', eu: '1' } }],
    [['--label', 'plan='], { labels: { eu: '1' } }],
    [['--max-size', '2GB'], { maxBytes: 2_000_000_000 }],
    [['--max-size', 'none'], { maxBytes: null }],
    [['--protect'], { deleteProtected: true }],
    [['--no-protect'], { deleteProtected: false }],
    [['--ttl', '7d'], { expiresAt: expect.stringMatching(/^20/) }],
    [['--ttl', 'never'], { expiresAt: null }],
  ])('%j', async (options, expected) => {
    expect(await answer('db', 'update', 'other', ...options)).toMatchObject(expected)
    expect(await answer('db', 'list', '--prefix', 'other')).toMatchObject([expected])
  })

  test.each([
    [[], 'Nothing to change. Set at least one option.'],
    [['--protect', '--no-protect'], 'Set --protect or --no-protect, not both.'],
    [['--max-size', '1TB'], 'Invalid --max-size "1TB". Expected a size such as 500MB or 1GiB.'],
    [['--max-size', '0.3B'], 'Invalid --max-size "0.3B". Expected a size such as 500MB or 1GiB.'],
    [['--ttl', '12h'], 'Invalid --ttl "12h". Expected whole days, such as 7d.'],
  ])('%j is refused before any call', async (options, error) => {
    const { code, stderr } = await run('db', 'update', 'other', ...options)
    expect([code, JSON.parse(stderr).error]).toEqual([2, error])
  })

  test('a protected database stays', async () => {
    await answer('db', 'update', 'cust-1', '--protect')
    const { stderr } = await run('db', 'delete', 'cust-1', '--yes')
    expect(JSON.parse(stderr)).toMatchObject({ status: 409, code: 'delete_protected' })
  })
})
