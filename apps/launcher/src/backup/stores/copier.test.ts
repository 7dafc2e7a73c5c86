import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { open, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { build } from 'esbuild'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeDataFolder, removeDataFolder } from '../../../../../test/data-folder.ts'
import { S3Double } from '../../../../../test/s3-double.ts'
import { repository } from '../../paths.ts'
import { openStore } from './open-store.ts'

const fileMb = 200
const maxGrownMb = 150
const passphrase = 'correct horse battery staple'

let folder: string
let source: string
let sha256: string
const s3 = new S3Double()
const children: ChildProcess[] = []

beforeAll(async () => {
  folder = await makeDataFolder()
  await s3.start()
  await build({
    absWorkingDir: repository,
    entryPoints: ['test/backup-copier.ts'],
    outfile: join(repository, 'dist/test/backup-copier.mjs'),
    bundle: true,
    format: 'esm',
    platform: 'node',
    external: ['@aws-sdk/*'],
  })
  source = join(folder, 'source')
  const file = await open(source, 'wx')
  const hash = createHash('sha256')
  const chunk = randomBytes(1024 * 1024)
  for (let mb = 0; mb < fileMb; mb++) {
    chunk.writeUInt32BE(mb)
    hash.update(chunk)
    await file.writeFile(chunk)
  }
  await file.close()
  sha256 = hash.digest('hex')
})

afterAll(async () => {
  for (const child of children) child.kill('SIGKILL')
  s3.stop()
  await removeDataFolder(folder)
})

const targets: [what: string, target: (name: string) => string, args: string[]][] = [
  ['a folder', (name) => join(folder, name), []],
  ['S3', (name) => `s3://${s3.bucket}/${name}`, []],
  ['an encrypted folder', (name) => join(folder, `sealed-${name}`), [passphrase]],
  ['encrypted S3', (name) => `s3://${s3.bucket}/sealed-${name}`, [passphrase]],
]

function copy(target: string, path: string, args: string[]): ChildProcess {
  const child = spawn(process.execPath, [join(repository, 'dist/test/backup-copier.mjs'), target, path, ...args], {
    env: { ...process.env, ...s3.environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(child)
  return child
}

test.each(targets)(`a file of ${fileMb} MB goes to %s and back through little memory`, async (_what, target, args) => {
  const child = copy(target('large'), source, args)
  const result = await text(child.stdout ?? process.stdin)
  const { grownBytes, ...read } = JSON.parse(result) as { sha256: string; grownBytes: number }
  expect(read).toEqual({ sha256 })
  expect(grownBytes / 1024 ** 2).toBeLessThan(maxGrownMb)
  s3.objects.clear()
})

test.each(targets)('a copy to %s that is killed in the middle leaves no visible blob', async (_what, target, args) => {
  // A pipe whose end never comes, so the copy is always in the middle.
  const pipe = join(folder, `pipe-${children.length}`)
  execFileSync('mkfifo', [pipe])
  const child = copy(target('killed'), pipe, args)
  const content = createWriteStream(pipe)
  content.on('error', () => {})
  content.write(randomBytes(20 * 1024 * 1024))
  const isInTheMiddle = async (): Promise<boolean> => {
    const drafts = join(target('killed'), '.unfinished')
    const sizes = (await readdir(drafts).catch(() => [])).map(async (name) => (await stat(join(drafts, name))).size)
    // The small file, which is complete before, has a draft too.
    return (
      (await Promise.all(sizes)).some((size) => size > 1024 ** 2) ||
      [...s3.uploads.values()].some(({ size }) => size > 0)
    )
  }
  await expect.poll(isInTheMiddle, { timeout: 120_000 }).toBe(true)
  child.kill('SIGKILL')
  await once(child, 'close')
  content.destroy()
  const [key] = args
  const store = await openStore(target('killed'), { environment: s3.environment, ...(key && { passphrase: key }) })
  const names = []
  for await (const { name } of store.list('')) names.push(name)
  expect(names).toEqual(['files/small'])
  s3.uploads.clear()
})
