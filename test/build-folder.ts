import { type BuiltFiles, builtFiles } from '../apps/launcher/src/built-files.ts'

/** The environment variable with the folder of the server that is built before the tests start. */
export const BUILD_VARIABLE = 'PERSQL_TEST_BUILD'

/** Returns the files of the built server. */
export function testBuild(): BuiltFiles {
  const folder = process.env[BUILD_VARIABLE]
  if (folder === undefined)
    throw new Error('The server is built for tests of the projects platform, console, adapters.')
  return builtFiles(folder)
}
