// @ts-check
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const repository = join(dirname(fileURLToPath(import.meta.url)), '../..')

const stampFile = join(repository, 'node_modules/.persql-installed')

/**
 * Installs what package-lock.json says unless that has been done: with the development dependencies when `dev`.
 * Runs no install script and ends the process when npm fails.
 *
 * @param {{ dev: boolean }} options
 */
export async function ensureInstalled({ dev }) {
  const full = stamp(true)
  const installed = readStamp()
  if (installed === full || (!dev && installed === stamp(false))) return
  process.stdout.write('Installing packages from package-lock.json …\n')
  const { code, output } = await npm([
    'ci',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    ...(dev ? [] : ['--omit=dev']),
  ])
  if (code !== 0) {
    process.stderr.write(`${output}\nnpm could not install the packages.\n`)
    process.exit(1)
  }
  writeFileSync(stampFile, stamp(dev))
  process.stdout.write(`${/^added .*$/m.exec(output)?.[0] ?? 'installed'}\n`)
}

/**
 * What an up-to-date `node_modules` was made from and for.
 *
 * @param {boolean} dev
 */
function stamp(dev) {
  const lock = readFileSync(join(repository, 'package-lock.json'))
  const hash = createHash('sha256').update(lock).digest('hex')
  return `${hash} ${process.platform}-${process.arch} ${dev ? 'all' : 'production'}\n`
}

function readStamp() {
  try {
    return readFileSync(stampFile, 'utf8')
  } catch {
    return undefined
  }
}

/**
 * @param {string[]} args
 * @returns {Promise<{ code: number | null, output: string }>}
 */
function npm(args) {
  // Under `npm start` this is npm's own script, which also works where npm is a shell wrapper.
  const script = process.env.npm_execpath
  const [command, first] = script?.endsWith('.js') ? [process.execPath, [script]] : ['npm', []]
  return new Promise((resolve) => {
    const child = spawn(command, [...first, ...args], {
      cwd: repository,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NODE_ENV: undefined },
    })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk))
    child.on('error', (error) => resolve({ code: 1, output: String(error) }))
    child.on('close', (code) => resolve({ code, output }))
  })
}
