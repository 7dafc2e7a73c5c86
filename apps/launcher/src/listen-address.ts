import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** How workerd reaches a service of the launcher: through a Unix socket or a port of the loopback address. */
export type Transport = 'socket' | 'port'

/** An address to listen at, in workerd's notation. */
export interface ListenAddress {
  readonly address: string
  /** Deletes the folder of the socket. */
  release(): Promise<void>
}

/** The limit for a Unix socket path: 104 bytes on macOS, 108 on Linux. */
const maxPathBytes = 100
const anyPort: ListenAddress = { address: '127.0.0.1:0', release: async () => {} }

/**
 * Returns the address of a new socket for the service `name`, in a folder that only this user can open: below the data
 * folder or, if its path is too long or its file system has no sockets, in the system's folder for temporary files.
 * Without sockets, it is a port of the loopback address.
 */
export async function chooseAddress(data: string, name: string, transport: Transport): Promise<ListenAddress> {
  if (transport === 'port') return anyPort
  return (
    (await tryFolder(() => createFolder(join(data, 'run', name)))) ??
    (await tryFolder(() => mkdtemp(join(tmpdir(), `persql-${name}-`)))) ??
    anyPort
  )
}

async function createFolder(folder: string): Promise<string> {
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { mode: 0o700 })
  return folder
}

async function tryFolder(create: () => Promise<string>): Promise<ListenAddress | undefined> {
  let folder: string | undefined
  const release = async (): Promise<void> => {
    if (folder !== undefined) await rm(folder, { recursive: true, force: true })
  }
  try {
    folder = await create()
    const path = join(folder, 'socket')
    if (Buffer.byteLength(path) > maxPathBytes) throw new Error('The path is too long for a socket.')
    await tryListening(path)
    return { address: `unix:${path}`, release }
  } catch {
    await release()
    return undefined
  }
}

function tryListening(path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject)
    server.listen(path, () => server.close(() => resolve()))
  })
}
