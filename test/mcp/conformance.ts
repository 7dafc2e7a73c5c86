import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'

const repository = join(import.meta.dirname, '../..')
const suite = join(repository, 'node_modules/@modelcontextprotocol/conformance')

/** A check of a scenario and its result. */
export interface Verdict {
  /** `scenario:check` */
  readonly check: string
  readonly status: 'SUCCESS' | 'FAILURE' | 'WARNING' | 'SKIPPED'
  readonly says: string
}

/**
 * Runs the official suite with the server requirements of a revision. The suite needs Node 22 for a function that this
 * command doesn't call, so the function is stubbed.
 */
export async function conformance(url: string, revision: string): Promise<Verdict[]> {
  const folder = await mkdtemp(join(tmpdir(), 'persql-conformance-'))
  const home = join(repository, 'dist/conformance')
  try {
    await mkdir(home, { recursive: true })
    await cp(join(suite, 'requirements'), join(home, 'requirements'), { recursive: true })
    await build({
      entryPoints: [join(suite, 'dist/index.js')],
      outfile: join(home, 'dist/index.mjs'),
      bundle: true,
      packages: 'external',
      platform: 'node',
      format: 'esm',
      logLevel: 'error',
      plugins: [
        {
          name: 'glob-sync',
          setup({ onResolve, onLoad }) {
            onResolve({ filter: /^fs$/ }, () => ({ path: 'fs', namespace: 'glob-sync' }))
            onLoad({ filter: /.*/, namespace: 'glob-sync' }, () => ({
              contents: `export * from 'node:fs'; export const globSync = () => { throw new Error('not here') }`,
            }))
          },
        },
      ],
    })
    const args = ['server', '--url', url, '--requirements', revision, '-o', folder]
    await new Promise<void>((resolve) => {
      execFile(process.execPath, [join(home, 'dist/index.mjs'), ...args], { maxBuffer: 2 ** 26 }, () => resolve())
    })
    return await verdictsIn(folder, await required(revision))
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** Returns the scenarios that a revision requires of servers; other scenarios are not scored. */
async function required(revision: string): Promise<readonly string[]> {
  const text = await readFile(join(suite, `requirements/${revision}.yaml`), 'utf8')
  const section = /^server:\n((?:[ \t]+.*\n)+)/m.exec(text)?.[1] ?? ''
  return [...section.matchAll(/^ {2}- ([\w-]+)$/gm)].map(([, name]) => name as string)
}

async function verdictsIn(folder: string, scenarios: readonly string[]): Promise<Verdict[]> {
  const verdicts: Verdict[] = []
  for (const name of await readdir(folder)) {
    const scenario = name.replace(/^server-/, '').replace(/-\d{4}-\d\d-\d\dT.*$/, '')
    if (!scenarios.includes(scenario)) continue
    const checks = JSON.parse(await readFile(join(folder, name, 'checks.json'), 'utf8')) as {
      id: string
      status: Verdict['status'] | 'INFO'
      errorMessage?: string
      details?: unknown
    }[]
    for (const { id, status, errorMessage, details } of checks) {
      const says = errorMessage ?? JSON.stringify(details) ?? ''
      if (status !== 'INFO') verdicts.push({ check: `${scenario}:${id}`, status, says })
    }
  }
  return verdicts
}

/** Starts a proxy that adds the token, because the suite sends none. */
export async function withToken(target: string, token: string): Promise<{ url: string; close(): void }> {
  const server = createServer((incoming, outgoing) => {
    const { pathname, port, hostname } = new URL(target)
    const headers = { ...incoming.headers, authorization: `Bearer ${token}` }
    const forward = request({ hostname, port, path: pathname, method: incoming.method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers)
      answer.pipe(outgoing)
    })
    forward.on('error', () => outgoing.destroy())
    incoming.pipe(forward)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}${new URL(target).pathname}`, close: () => server.close() }
}
