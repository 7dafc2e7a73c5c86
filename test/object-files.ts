import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'

/** Reads and changes the files of objects while the platform is stopped, as a crash could leave them. */
export class ObjectFiles {
  readonly #folder: string

  constructor(data: string, kind: 'directory' | 'namespace' | 'database') {
    this.#folder = join(data, 'objects', kind)
  }

  list(): string[] {
    if (!existsSync(this.#folder)) return []
    return readdirSync(this.#folder)
      .filter((name) => /^[0-9a-f]{64}\.sqlite$/.test(name))
      .map((name) => join(this.#folder, name))
  }

  /** Returns the file of the only object that `work` creates. */
  async created(work: () => Promise<unknown>): Promise<string> {
    const before = new Set(this.list())
    await work()
    const [file, ...others] = this.list().filter((one) => !before.has(one))
    if (file === undefined || others.length > 0) throw new Error('Expected exactly one new object.')
    return file
  }
}

/** Runs statements on the file of an object. Returns what they print. */
export const runOnFile = (file: string, ...statements: string[]): string =>
  execFileSync('sqlite3', ['-batch', '-bail', file], {
    input: statements.map((sql) => `${sql};`).join('\n'),
  }).toString()

/** Starts a read transaction on the file of an object in another process. Returns a function that ends it. */
export async function holdRead(file: string): Promise<() => Promise<void>> {
  const reader = spawn('sqlite3', ['-readonly', file], { stdio: ['pipe', 'pipe', 'inherit'] })
  reader.stdin.write('BEGIN; SELECT count(*) FROM sqlite_master;\n')
  await once(reader.stdout, 'data')
  return async () => {
    reader.stdin.end('COMMIT;\n')
    await once(reader, 'close')
  }
}

/** Removes the file of an object with its log. */
export function removeFile(file: string): void {
  for (const suffix of ['', '-wal', '-shm']) rmSync(file + suffix, { force: true })
}
