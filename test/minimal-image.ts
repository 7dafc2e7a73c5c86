import { execFileSync } from 'node:child_process'
import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { repository } from '../apps/launcher/src/paths.ts'

const dockerfile = readFileSync(join(repository, 'deploy/Dockerfile'), 'utf8')

/** The certificates that workerd requires. The base image has them. */
const certificates = '/etc/ssl/certs/ca-certificates.crt'

/** Returns a command of the Dockerfile in JSON. */
export function dockerCommand(instruction: 'ENTRYPOINT' | 'CMD' | 'HEALTHCHECK'): string[] {
  const text = dockerfile.replaceAll('\\\n', ' ')
  const [, json] = new RegExp(`^${instruction} .*?(\\[.*\\])$`, 'm').exec(text) ?? []
  return JSON.parse(json ?? '')
}

/** Returns the environment that the Dockerfile sets. */
export function dockerEnvironment(): Record<string, string> {
  const [, text = ''] = /^ENV (.*)$/m.exec(dockerfile) ?? []
  return Object.fromEntries(text.split(' ').map((pair) => pair.split('=') as [string, string]))
}

/**
 * Makes a root file system with the files of the image, whose base images can't be pulled here: Node, the libraries that the
 * programs load, and a copy of the installed app. It has no shell and no other program.
 */
export function makeRoot(root: string, installed: string): void {
  const app = join(root, 'app')
  for (const folder of ['data', 'dev', 'proc', 'etc', 'nodejs/bin']) mkdirSync(join(root, folder), { recursive: true })
  cpSync(installed, app, { recursive: true, verbatimSymlinks: true })
  mkdirSync(join(root, dirname(certificates)), { recursive: true })
  copyFileSync(certificates, join(root, certificates))
  writeFileSync(join(root, 'etc/passwd'), 'nonroot:x:65532:65532:nonroot:/data:/sbin/nologin\n')
  const node = join(root, 'nodejs/bin/node')
  copyFileSync(process.execPath, node)
  const programs = execFileSync('find', [
    app,
    '-name',
    '*.node',
    '-o',
    '-path',
    '*/bin/workerd',
    '-type',
    'f',
    '-size',
    '+1M',
  ])
  for (const program of [node, ...programs.toString().trim().split('\n')].filter((file) => !file.includes('-musl')))
    copyLibraries(program, root)
}

/** Copies the libraries that a program loads to the same paths below `root`. */
function copyLibraries(program: string, root: string): void {
  const output = execFileSync('ldd', [program]).toString()
  const names = execFileSync('sh', [
    '-c',
    'ls /lib/*/libgcc_s.so.1 /lib/*/libstdc++.so.6 2>/dev/null || true',
  ]).toString()
  for (const [library] of `${output}\n${names}`.matchAll(/\/\S+\.so\S*/g)) {
    const copy = join(root, library)
    if (existsSync(copy)) continue
    mkdirSync(dirname(copy), { recursive: true })
    copyFileSync(realpathSync(library), copy)
  }
}
