import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { hashToCell } from '../apps/platform/src/cell-hash.ts'
import { makeDataFolder, removeDataFolder } from './data-folder.ts'
import { PlatformClient } from './harness.ts'
import { type LauncherProcess, launch } from './launcher-process.ts'
import { toReaderCount } from './reader-count.ts'
import { uniqueName } from './shared-platform.ts'

/** One cell of an instance, called at its own port. */
export class CellClient extends PlatformClient {
  readonly url: string
  readonly secret: string

  constructor(url: string, secret: string) {
    super()
    this.url = url
    this.secret = secret
  }
}

/** An instance whose namespaces are shared by several cells, started like `npm start`. */
export interface TestCells {
  readonly cells: readonly CellClient[]
  readonly data: string
  readonly launcher: LauncherProcess
  /** Returns the PIDs of the cells. */
  pids(): Promise<number[]>
  /** Returns a new name of a namespace that a cell owns. */
  nameIn(cell: number): string
  stop(): Promise<void>
}

/** Starts an instance with this number of cells. */
export async function startCells(count: number, settings: Record<string, string> = {}): Promise<TestCells> {
  const folder = await makeDataFolder('persql-cells-')
  const data = join(folder, 'data')
  const launcher = launch(folder, {
    PERSQL_CELLS: String(count),
    PERSQL_READERS: String(toReaderCount(1)),
    PERSQL_BOOTSTRAP: 'off',
    PERSQL_WELCOME_CREDIT: 'namespace',
    PERSQL_DEV: '1',
    ...settings,
  })
  const { url } = await launcher.welcome()
  const others = [...launcher.stdout.matchAll(/Cell \d+\s+(http\S+)/g)].map(([, address = '']) => address)
  const secret = (await readFile(join(data, 'secret'), 'utf8')).trim()
  return {
    cells: [url, ...others].map((address) => new CellClient(address, secret)),
    data,
    launcher,
    pids: async () => {
      const { workerd, cells = [] } = JSON.parse(await readFile(join(data, 'lock'), 'utf8'))
      return [workerd, ...cells].map(({ pid }) => pid)
    },
    nameIn: (cell) => {
      let name = uniqueName()
      while (hashToCell(name, count) !== cell) name = uniqueName()
      return name
    },
    stop: async () => {
      await launcher.stop()
      await removeDataFolder(folder)
    },
  }
}
