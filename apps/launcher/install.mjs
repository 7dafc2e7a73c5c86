// @ts-check
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { accessSync, constants, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const repository = join(dirname(fileURLToPath(import.meta.url)), '../..')

const stampFile = join(repository, 'node_modules/.persql-installed')

/**
 * Installs the dependencies of package-lock.json unless they are installed, with development dependencies if `dev`.
 * Runs no install scripts, and exits the process if npm fails.
 *
 * @param {{ dev: boolean }} options
 */
export async function ensureInstalled({ dev }) {
  const full = stamp(true)
  const installed = readStamp()
  if (installed === full || (!dev && installed === stamp(false))) return
  requireWritable()
  process.stdout.write('Installing packages from package-lock.json …\n')
  const { code, output } = await npm([
    'ci',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    ...(dev ? [] : ['--omit=dev']),
  ])
  if (code !== 0) {
    process.stderr.write(`${output}\nnpm couldn't install the packages. See the output above.\n`)
    process.exit(1)
  }
  writeFileSync(stampFile, stamp(dev))
  process.stdout.write(`${/^added .*$/m.exec(output)?.[0] ?? 'installed'}\n`)
}

/**
 * Exits the process with a message unless it can write the packages and builds of this repository. A start needs neither
 * if `npm run build` ran before.
 */
export function requireWritable() {
  const folders = ['.', 'node_modules', 'dist', 'dist/server', 'dist/console'].map((name) => join(repository, name))
  const locked = folders.find((folder) => existsSync(folder) && !isWritable(folder))
  if (locked === undefined) return
  process.stderr.write(
    `PerSQL isn't built yet, and ${locked} can't be written. Run "npm run build" in ${repository} as a user who can write there.\n`,
  )
  process.exit(1)
}

/** @param {string} folder */
function isWritable(folder) {
  try {
    accessSync(folder, constants.W_OK)
    return true
  } catch {
    return false
  }
}

/**
 * Returns the stamp of an up-to-date `node_modules`: its inputs and its platform.
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
 * Returns the command that runs npm: its script if found, which also works where `npm` is a shell wrapper (Windows).
 * Other programs that run scripts, such as Yarn and npx, put their own path in `npm_execpath`.
 *
 * @param {{ execPath: string, npmExecPath: string | undefined, platform: string, exists: (path: string) => boolean }}
 * where
 * @returns {{ command: string, first: string[], shell: boolean }}
 */
export function npmCommand({ execPath, npmExecPath = '', platform, exists }) {
  const node = dirname(execPath)
  const script = [
    npmExecPath.replace(/\bnpx-cli\.js$/, 'npm-cli.js'),
    join(node, 'node_modules/npm/bin/npm-cli.js'),
    join(node, '../lib/node_modules/npm/bin/npm-cli.js'),
  ].find((path) => /[\\/]npm-cli\.js$/.test(path) && exists(path))
  if (script !== undefined) return { command: execPath, first: [script], shell: false }
  return { command: 'npm', first: [], shell: platform === 'win32' }
}

/**
 * Runs npm in the root of the repository.
 *
 * @param {string[]} args
 * @returns {Promise<{ code: number | null, output: string }>}
 */
export function npm(args) {
  const { execPath, platform, env } = process
  const { command, first, shell } = npmCommand({
    execPath,
    npmExecPath: env.npm_execpath,
    platform,
    exists: existsSync,
  })
  return new Promise((resolve) => {
    const child = spawn(command, [...first, ...args], {
      cwd: repository,
      shell,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NODE_ENV: undefined },
    })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk))
    child.on('error', (error) => resolve({ code: 1, output: String(error) }))
    child.on('close', (code) => resolve({ code, output }))
  })
}
