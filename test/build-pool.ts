import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { repository } from '../apps/launcher/src/paths.ts'
import { buildCli } from '../packages/cli/build.mjs'
import { buildInClone } from './clone-builds.ts'

const run = promisify(execFile)

/** Builds that several test files use. Each is made at its first use, because most runs of single files need none. */
export class BuildPool {
  #cli: Promise<string> | undefined
  #docs: Promise<null> | undefined
  #folder: Promise<string> | undefined
  #tarball: Promise<string> | undefined
  #app: Promise<string> | undefined

  /** Builds the command line as it is published. Returns the path of the program. */
  cli(): Promise<string> {
    this.#cli ??= this.#buildCli()
    return this.#cli
  }

  /** Builds the documentation site. */
  docs(): Promise<null> {
    this.#docs ??= run('npm', ['run', '--silent', 'docs'], { cwd: repository }).then(() => null)
    return this.#docs
  }

  /** Packs @persql/server. Returns the path of the tarball. */
  serverPackage(): Promise<string> {
    this.#tarball ??= this.#pack()
    return this.#tarball
  }

  /** Installs the tarball without install scripts into an empty folder. Returns the path of the folder. */
  serverApp(): Promise<string> {
    this.#app ??= this.#install()
    return this.#app
  }

  /** Removes all builds. The next use makes new ones. */
  async reset(): Promise<void> {
    const folder = this.#folder
    this.#cli = this.#docs = this.#tarball = this.#app = this.#folder = undefined
    if (folder) await rm(await folder, { recursive: true, force: true, maxRetries: 10 })
  }

  /** Creates a folder below the one that `reset` removes. */
  async #makeFolder(name: string): Promise<string> {
    this.#folder ??= mkdtemp(join(tmpdir(), 'persql-builds-'))
    const folder = join(await this.#folder, name)
    await mkdir(folder)
    return folder
  }

  async #buildCli(): Promise<string> {
    const file = join(await this.#makeFolder('cli'), 'persql.js')
    await buildCli(file)
    return file
  }

  async #pack(): Promise<string> {
    const folder = await this.#makeFolder('packed')
    const args = ['pack', '--workspace', 'packages/server', '--pack-destination', folder]
    await buildInClone(() => run('npm', args, { cwd: repository }))
    const [tarball = ''] = await readdir(folder)
    return join(folder, tarball)
  }

  async #install(): Promise<string> {
    const tarball = await this.serverPackage()
    const folder = await this.#makeFolder('app')
    await run('npm', ['install', tarball, '--no-audit', '--no-fund', '--ignore-scripts'], { cwd: folder })
    return folder
  }
}
