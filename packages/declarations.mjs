// @ts-check
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { isolatedDeclaration } from 'rolldown/experimental'

/**
 * Writes the declarations of modules and of all modules of the package whose types they use. They import each other with
 * the extension `.js`. The types of all exports are explicit, so each file's declarations need no other file and no
 * compiler.
 *
 * @param {string} source the folder of the sources
 * @param {readonly string[]} entries the modules, as paths in this folder
 * @param {string} out
 * @throws {Error} if the type of an export isn't explicit
 */
export async function declare(source, entries, out) {
  const modules = new Set(entries)
  for (const module of modules) {
    const { code, errors } = await isolatedDeclaration(module, await readFile(join(source, module), 'utf8'), {})
    if (errors.length > 0) throw new Error(`${join(source, module)}: ${errors[0]?.message}`)
    const text = code.replace(/(\bfrom |\bimport\()"(\.\.?\/[^"]+)\.ts"/g, (_all, start, path) => {
      modules.add(relative('.', join(dirname(module), `${path}.ts`)))
      return `${start}"${path}.js"`
    })
    const target = join(out, module.replace(/\.ts$/, '.d.ts'))
    await mkdir(dirname(target), { recursive: true })
    await writeFile(target, text)
  }
}
