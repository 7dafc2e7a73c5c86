import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { askPool } from '../pool-client.ts'

/** Time limit for the expected output of a terminal. */
const TERMINAL_MS = 90_000

/** The exit code and output of the program. */
export interface Ended {
  code: number | null
  stdout: string
  stderr: string
}

export interface RunOptions {
  /** Additional environment variables. */
  env?: Record<string, string>
  stdin?: string
  cwd?: string
}

/** Returns the program as it is published, with a temporary folder as its home. */
export async function builtCli() {
  const folder = await mkdtemp(join(tmpdir(), 'persql-cli-'))
  const file = await askPool<string>('POST', 'cli')
  const surroundings = (env: Record<string, string> = {}) => ({
    PATH: `${process.env.PATH}`,
    HOME: folder,
    XDG_CONFIG_HOME: join(folder, 'config'),
    XDG_STATE_HOME: join(folder, 'state'),
    ...env,
  })
  const start = (args: readonly string[], { env, cwd = folder }: RunOptions = {}) =>
    spawn(process.execPath, [file, ...args], { cwd, env: surroundings(env), stdio: 'pipe' })

  /** Runs the program until it exits. */
  async function run(args: readonly string[], options: RunOptions = {}): Promise<Ended> {
    return ended(start(args, options), options.stdin)
  }

  /**
   * Runs the program in a terminal created by `script` and returns its output. `type` is called with all output so far.
   */
  async function inTerminal(
    args: readonly string[],
    env: Record<string, string>,
    steps: readonly Step[],
  ): Promise<Ended> {
    const command = [process.execPath, file, ...args].map((word) => `'${word}'`).join(' ')
    const child = spawn('script', ['--quiet', '--return', '--command', command, '/dev/null'], {
      cwd: folder,
      env: { ...surroundings(env), TERM: 'xterm', COLUMNS: '120', LINES: '40' },
      stdio: 'pipe',
    })
    let shown = ''
    let from = 0
    const left = [...steps]
    child.stdout.on('data', (chunk) => {
      shown += chunk
      const [step] = left
      if (!step || !shown.slice(from).includes(step.after)) return
      left.shift()
      from = shown.length
      if (typeof step.type === 'string') child.stdin.write(step.type)
      else step.type(shown).catch((error) => child.emit('error', error))
    })
    const late = setTimeout(() => child.kill(), TERMINAL_MS)
    const { code, stderr } = await ended(child)
    clearTimeout(late)
    if (left.length > 0) throw new Error(`The terminal never showed ${JSON.stringify(left[0])}:\n${shown}`)
    return { code, stdout: shown, stderr }
  }
  return { folder, file, start, run, inTerminal, remove: () => rm(folder, { recursive: true, force: true }) }
}

/** A step that types text or runs a function once the terminal shows a text. */
export interface Step {
  after: string
  type: string | ((shown: string) => Promise<void>)
}

function ended(child: ReturnType<typeof spawn>, stdin?: string): Promise<Ended> {
  let [stdout, stderr] = ['', '']
  child.stdout?.on('data', (chunk) => {
    stdout += chunk
  })
  child.stderr?.on('data', (chunk) => {
    stderr += chunk
  })
  if (stdin !== undefined) child.stdin?.end(stdin)
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, stdout, stderr }))
  })
}
