// @ts-check
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** The inputs of the console's build: files and folders, from the repository's root. */
export const consoleSources = ['apps/console', 'packages/sdk/src', 'packages/endpoint-spec/src', 'package-lock.json']

/** The inputs of the server's build, which contains the console. */
export const serverSources = [
  ...consoleSources,
  'apps/launcher',
  'apps/platform/src',
  'packages/contract/src',
  'packages/server/package.json',
  'tsconfig.json',
]

/**
 * Returns the inputs of the documentation's build.
 *
 * @param {string} repository
 */
export const listDocsSources = (repository) => [
  ...['docs', 'docs/.vitepress/config.ts', 'docs/.vitepress/theme/index.ts', 'tools/docs', 'package-lock.json'],
  ...['CHANGELOG.md', 'SECURITY.md'],
  ...readdirSync(join(repository, 'packages'))
    .map((name) => `packages/${name}/README.md`)
    .filter((path) => existsSync(join(repository, path))),
]

/**
 * Returns a hash of the names and contents of files. Builds with the same hash are equal.
 *
 * @param {string} repository
 * @param {readonly string[]} sources files and folders, from the repository's root
 */
export function hashSources(repository, sources) {
  const hash = createHash('sha256')
  for (const file of listSources(repository, sources)) {
    hash.update(`${file}\0`).update(readFileSync(join(repository, file)))
  }
  return hash.digest('hex').slice(0, 16)
}

/**
 * Returns the files of sources, without tests, hidden files, packages and builds.
 *
 * @param {string} repository
 * @param {readonly string[]} sources
 * @returns {string[]}
 */
export function listSources(repository, sources) {
  return sources.flatMap((source) => {
    if (statSync(join(repository, source)).isFile()) return [source]
    const inside = readdirSync(join(repository, source))
      .filter((name) => !/^\.|^(node_modules|dist)$|\.test\.\w+$/.test(name))
      .sort()
    return listSources(
      repository,
      inside.map((name) => `${source}/${name}`),
    )
  })
}
