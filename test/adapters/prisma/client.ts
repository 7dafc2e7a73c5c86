import { execFile } from 'node:child_process'
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

/** The variable with the folder of the generated client, for processes that tests start. */
export const CLIENT = 'PERSQL_TEST_PRISMA_CLIENT'

/**
 * Generates Prisma Client for a schema in a folder below `node_modules`, without a network. Prisma is installed under other
 * names, because `better-auth` has it as an optional peer, which npm would otherwise install for operators, too.
 */
export async function generateClient(folder: string, schema: string): Promise<void> {
  const scope = join(folder, 'node_modules/@prisma')
  await mkdir(scope, { recursive: true })
  await symlink(fileURLToPath(new URL('../../../node_modules/prisma-client', import.meta.url)), join(scope, 'client'))
  await writeFile(join(folder, 'schema.prisma'), schema)
  const program = createRequire(import.meta.url).resolve('prisma-cli/build/index.js')
  await promisify(execFile)(process.execPath, [program, 'generate', '--schema', join(folder, 'schema.prisma')], {
    cwd: folder,
    // `generate` doesn't use the engine for migrations, but would download it.
    env: { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: '/bin/true', CHECKPOINT_DISABLE: '1' },
  })
}
