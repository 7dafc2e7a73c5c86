import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll } from 'vitest'
import { CLIENT, generateClient } from './prisma/client.ts'
import { suite } from './prisma/suite.ts'
import { runSuite } from './run-suite.ts'

const temporary = fileURLToPath(new URL('../../node_modules/.tmp', import.meta.url))
await mkdir(temporary, { recursive: true })
const folder = await mkdtemp(join(temporary, 'prisma-'))
afterAll(() => rm(folder, { recursive: true, force: true }))
await generateClient(folder, await readFile(new URL('./prisma/schema.prisma', import.meta.url), 'utf8'))
// Bun, which runs the cases in local mode, inherits it.
process.env[CLIENT] = join(folder, 'client')

runSuite('prisma', suite)
