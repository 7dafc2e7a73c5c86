// @ts-check
import { spawn } from 'node:child_process'
import { repository } from './install.mjs'

/**
 * Runs a package's program with this Node version, in the repository's root.
 *
 * @param {string[]} args the program's file and its arguments
 * @param {'inherit' | 'pipe'} output
 * @returns {Promise<{ code: number, output: string }>}
 */
export function run(args, output) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, {
      cwd: repository,
      stdio: [output === 'inherit' ? 'inherit' : 'ignore', output, output],
    })
    let text = ''
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (text += chunk))
    child.on('close', (code) => resolve({ code: code ?? 1, output: text }))
  })
}
