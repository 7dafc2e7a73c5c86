import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
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
 * Serves the console's modules with hot reload. Writes its page and public files to `folder`, from which the platform
 * serves them like a build, with the same paths and headers. `onWrite` runs after each later change of them.
 */
export async function serveConsole(server: DevServer, folder: string, onWrite: () => Promise<void>): Promise<void> {
  const vite = await createServer({
    root,
    base,
    appType: 'custom',
    clearScreen: false,
    server: { middlewareMode: true, hmr: { server: server.http } },
    plugins: [rewriteConsole(folder, onWrite)],
  })
  server.mount(base, vite.middlewares, () => vite.close())
  await writeConsole(vite, folder)
}

/** Writes the page and the public files again when they change, and when Vite starts again with another configuration. */
function rewriteConsole(folder: string, onWrite: () => Promise<void>): Plugin {
  let isFirst = true
  return {
    name: 'rewrite-console',
    configureServer(vite) {
      const rewrite = async (): Promise<void> => {
        try {
          await writeConsole(vite, folder)
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

/** Replaces the console's folder. */
async function writeConsole(vite: ViteDevServer, folder: string): Promise<void> {
  const page = await vite.transformIndexHtml('/', await readFile(pageFile, 'utf8'))
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  await cp(publicFiles, folder, { recursive: true })
  await writeFile(join(folder, 'index.html'), page)
}
