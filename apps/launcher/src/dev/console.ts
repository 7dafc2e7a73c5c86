import { cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createServer } from 'vite'
import { repository } from '../paths.ts'
import type { DevServer } from './server.ts'

/** A path below `/assets/`, which has no pages or routes of the platform. */
const base = '/assets/dev/'

/**
 * Serves the console's modules with hot reload. Writes its page and public files to `folder`, from which the platform
 * serves them like a build, with the same paths and headers.
 */
export async function serveConsole(server: DevServer, folder: string): Promise<void> {
  const root = join(repository, 'apps/console')
  const vite = await createServer({
    root,
    base,
    appType: 'custom',
    clearScreen: false,
    server: { middlewareMode: true, hmr: { server: server.http } },
  })
  server.mount(base, vite.middlewares, () => vite.close())
  const page = await vite.transformIndexHtml('/', await readFile(join(root, 'index.html'), 'utf8'))
  await cp(join(root, 'public'), folder, { recursive: true })
  await writeFile(join(folder, 'index.html'), page)
}
