// @ts-check
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
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

/** Updates the documentation and the READMEs to the version of the packages. */
async function main() {
  const root = join(packages, '..')
  const [first] = await listPublic()
  const { version } = JSON.parse(await readFile(join(first ?? '', 'package.json'), 'utf8'))
  const docs = (await readdir(join(root, 'docs'), { recursive: true })).map((name) => join(root, 'docs', name))
  const readmes = (await listPublic()).map((folder) => join(folder, 'README.md'))
  for (const page of [join(root, 'README.md'), ...readmes, ...docs]) {
    if (!page.endsWith('.md')) continue
    const text = await readFile(page, 'utf8')
    const updated = updateMentions(text, version)
    if (updated !== text) await writeFile(page, updated)
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
