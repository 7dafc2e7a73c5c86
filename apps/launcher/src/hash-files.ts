import { createHash } from 'node:crypto'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { repository } from './paths.ts'

/** Returns a hash of the files in these folders of the repository, or of those whose path matches. */
export async function hashFiles(sources: readonly string[], name = /^/): Promise<string> {
  const hash = createHash('sha256')
  for (const source of sources) {
    for (const file of (await filesIn(source)).filter((file) => name.test(file)))
      hash.update(`${file}\0`).update(await readFile(join(repository, file)))
  }
  return hash.digest('hex').slice(0, 16)
}

async function filesIn(path: string): Promise<string[]> {
  if ((await stat(join(repository, path))).isFile()) return [path]
  const entries = await readdir(join(repository, path), { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile() && !/[\\/](node_modules|\.[^\\/]*)([\\/]|$)/.test(entry.parentPath))
    .map((entry) => join(entry.parentPath, entry.name).slice(repository.length + 1))
    .sort()
}
