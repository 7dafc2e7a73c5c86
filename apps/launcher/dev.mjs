// @ts-check
import './closed-pipe.mjs'
import './node-version.mjs'
import { spawn } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { ensureInstalled, repository } from './install.mjs'

await ensureInstalled({ dev: true })
const { context } = await import('esbuild')

const program = join(repository, `dist/dev-${process.pid}.mjs`)

/** @type {import('node:child_process').ChildProcess | undefined} */
let child
let isStopping = false
/** Restarts run one after another: a change can arrive while the program of the last one starts. */
let turn = Promise.resolve()

for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) process.on(signal, () => void exit(0))

const builder = await context({
  absWorkingDir: repository,
  stdin: {
    contents: "import { main } from './apps/launcher/src/dev/main.ts'\nprocess.exit(await main())",
    resolveDir: repository,
  },
  outfile: program,
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  external: ['esbuild', 'libsql', 'vite', 'workerd'],
  sourcemap: 'inline',
  logLevel: 'error',
  plugins: [
    {
      name: 'restart',
      setup(build) {
        // The program reads its settings once.
        build.onResolve({ filter: /\/dev\/main\.ts$/ }, () => ({ watchFiles: [resolve('.env')] }))
        build.onEnd(({ errors }) => {
          if (errors.length === 0) turn = turn.then(restart)
          else process.stderr.write('Waiting for a change.\n')
        })
      },
    },
  ],
})
await builder.watch()

async function restart() {
  await stopChild()
  if (isStopping) return
  const started = spawn(process.execPath, [program], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  started.on('close', (code) => {
    if (child === started) void exit(code ?? 1)
  })
  child = started
}

async function stopChild() {
  const stopped = child
  child = undefined
  if (stopped === undefined || stopped.exitCode !== null) return
  const closed = new Promise((resolve) => stopped.on('close', resolve))
  stopped.kill('SIGTERM')
  await closed
}

/** @param {number} code */
async function exit(code) {
  if (isStopping) return
  isStopping = true
  await turn
  await stopChild()
  await builder.dispose()
  await rm(program, { force: true })
  process.exit(code)
}
