// @ts-check
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { listPublic, packages } from './pack.mjs'

/**
 * Replaces the version in names of tarballs, such as `persql-sdk-1.0.0.tgz`.
 *
 * @param {string} text
 * @param {string} version
 */
export const updateMentions = (text, version) =>
  text.replace(/(\bpersql-[a-z-]+-)\d+\.\d+\.\d+(?=\.tgz\b)/g, `$1${version}`)

/**
 * Sets the URLs of a package's manifest to those of the repository, which the manifest at the root names.
 *
 * @template {object} M
 * @param {M} manifest
 * @param {string} name the folder of the package
 * @param {string} repository the URL of the repository: `git+https://host/owner/name.git`
 * @returns {M & { homepage: string, bugs: string, repository: object }}
 */
export function updateUrls(manifest, name, repository) {
  const web = repository.replace(/^git\+/, '').replace(/\.git$/, '')
  const directory = `packages/${name}`
  return {
    ...manifest,
    homepage: `${web}/tree/main/${directory}#readme`,
    bugs: `${web}/issues`,
    repository: { type: 'git', url: repository, directory },
  }
}

/** Updates the documentation and the READMEs to the version of the packages, and the URLs in their manifests. */
async function main() {
  const root = join(packages, '..')
  const clients = await listPublic()
  const { version } = await readJson(join(clients[0] ?? '', 'package.json'))
  const docs = (await readdir(join(root, 'docs'), { recursive: true })).map((name) => join(root, 'docs', name))
  const published = [...clients, join(packages, 'server')]
  for (const page of [join(root, 'README.md'), ...published.map((folder) => join(folder, 'README.md')), ...docs]) {
    if (page.endsWith('.md')) await update(page, (text) => updateMentions(text, version))
  }
  const { repository } = await readJson(join(root, 'package.json'))
  for (const folder of published) {
    await update(join(folder, 'package.json'), (text) => {
      const updated = updateUrls(JSON.parse(text), basename(folder), repository.url)
      return `${JSON.stringify(updated, null, 2)}\n`
    })
  }
}

/** @param {string} path */
const readJson = async (path) => JSON.parse(await readFile(path, 'utf8'))

/**
 * @param {string} path
 * @param {(text: string) => string} change
 */
async function update(path, change) {
  const text = await readFile(path, 'utf8')
  const updated = change(text)
  if (updated !== text) await writeFile(path, updated)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
