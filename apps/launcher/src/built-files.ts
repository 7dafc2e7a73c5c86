import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { hashSources, listDocsSources } from '../sources.mjs'

/** The modules of the platform, next to its bundle: those that it imports, and the bundle of the readers. */
export const platformModules = ['sqlite3.wasm'] as const
export const readerModule = 'reader.mjs'

/** The paths of a built server, which are all in one folder: of a clone, or of the package @persql/server. */
export interface BuiltFiles {
  /** The program with all commands. */
  readonly server: string
  /** The bundle of the platform. `platformModules` and `readerModule` are next to it. */
  readonly platform: string
  /** The program that hashes passwords. */
  readonly hashing: string
  /** The program that runs a VACUUM. */
  readonly vacuum: string
  /** The folder of the console's files. */
  readonly console: string
}

/** Returns the paths of the server that was built into `folder`. */
export function builtFiles(folder: string): BuiltFiles {
  return {
    server: join(folder, 'server.mjs'),
    platform: join(folder, 'platform.mjs'),
    hashing: join(folder, 'hashing.cjs'),
    vacuum: join(folder, 'vacuum.cjs'),
    console: join(folder, 'console'),
  }
}

/** Returns the folder of the documentation for the server that was built into `folder`. */
export function findDocs(folder: string): string {
  const packaged = join(folder, 'docs')
  return existsSync(packaged) ? packaged : findDocsOfClone(join(folder, '../../..'))
}

/** Returns the folder of the documentation of a clone: the built site, or else the Markdown files. */
export function findDocsOfClone(clone: string): string {
  const site = join(clone, 'dist/docs', hashSources(clone, listDocsSources(clone)))
  return existsSync(site) ? site : join(clone, 'docs')
}

/** The program that puts the client packages into a folder, and a folder with packages that are built already. */
export interface PackageSource {
  readonly program: string
  readonly prebuilt: string
}

/** Returns where the server that was built into `folder` gets the client packages from. */
export function findPackageSource(folder: string): PackageSource {
  const program = join(folder, 'offer.mjs')
  if (existsSync(program)) return { program, prebuilt: join(folder, 'packages') }
  const clone = join(folder, '../../..')
  return { program: join(clone, 'packages/offer.mjs'), prebuilt: join(clone, 'dist/packages') }
}
