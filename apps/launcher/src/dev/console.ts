import { cp, readFile, writeFile } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { createServer, type Plugin, type ViteDevServer } from 'vite'
import { repository } from '../paths.ts'
import type { DevServer } from './server.ts'

/** A path below `/assets/`, which has no pages or routes of the platform. */
const base = '/assets/dev/'
const root = join(repository, 'apps/console')
const pageFile = join(root, 'index.html')
const publicFiles = join(root, 'public')

/**
 * The page and the public files of the console, from which the platform serves them like a build. Each version has a
 * folder of its own, so that a folder doesn't change while it is copied.
 */
export class ConsoleFiles {
  readonly #parent: string
  #started = 0
  #newest = 0

  constructor(parent: string) {
    this.#parent = parent
  }

  /** The folder of the newest version. */
  get folder(): string {
    return join(this.#parent, String(this.#newest))
  }

  async write(vite: ViteDevServer): Promise<void> {
    const version = ++this.#started
    const folder = join(this.#parent, String(version))
    const page = await vite.transformIndexHtml('/', await readFile(pageFile, 'utf8'))
    await cp(publicFiles, folder, { recursive: true })
    await writeFile(join(folder, 'index.html'), page)
    // A write that started later can end earlier.
    this.#newest = Math.max(this.#newest, version)
  }
}

/** Serves the console's modules with hot reload, and writes its files. `onWrite` runs after each later change of them. */
export async function serveConsole(
  server: DevServer,
  files: ConsoleFiles,
  onWrite: () => Promise<void>,
): Promise<void> {
  const vite = await createServer({
    root,
    base,
    appType: 'custom',
    clearScreen: false,
    server: { middlewareMode: true, hmr: { server: server.http } },
    plugins: [rewriteConsole(files, onWrite)],
  })
  server.mount(base, vite.middlewares, () => vite.close())
  await files.write(vite)
}

/** Writes the page and the public files again when they change, and when Vite starts again with another configuration. */
function rewriteConsole(files: ConsoleFiles, onWrite: () => Promise<void>): Plugin {
  let isFirst = true
  return {
    name: 'rewrite-console',
    configureServer(vite) {
      const rewrite = async (): Promise<void> => {
        try {
          await files.write(vite)
          await onWrite()
          vite.ws.send({ type: 'full-reload' })
        } catch (cause) {
          process.stderr.write(`${(cause as Error).message}\nWaiting for a change.\n`)
        }
      }
      vite.watcher.on('all', (_event, file) => {
        if (file === pageFile || file.startsWith(publicFiles + sep)) void rewrite()
      })
      if (!isFirst) return () => void rewrite()
      isFirst = false
      return undefined
    },
  }
}
