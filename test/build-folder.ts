import { join } from 'node:path'
import { type BuiltFiles, builtFiles } from '../apps/launcher/src/built-files.ts'
import { repository } from '../apps/launcher/src/paths.ts'

/** The environment variable with the folder of the server that is built before the tests start. */
export const BUILD_VARIABLE = 'PERSQL_TEST_BUILD'

/** Returns the files of the built server. */
export function testBuild(): BuiltFiles {
  const folder = process.env[BUILD_VARIABLE]
  if (folder === undefined)
    throw new Error('The server is built for tests of the projects platform, console, adapters.')
  return builtFiles(folder)
}

/** Returns the command that runs the built server, to which its arguments are added: `start` or a command of the operator. */
export const serverCommand = (): [program: string, ...args: string[]] => [
  process.execPath,
  join(repository, 'test/server.mjs'),
  testBuild().server,
]
