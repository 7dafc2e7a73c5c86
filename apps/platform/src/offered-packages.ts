import { PerSQLError } from '@persql/contract'
import type { Env } from './env.ts'
import { getSettings } from './settings.ts'

/** A tarball of a package. */
export interface PackageBuild {
  readonly file: string
  /** The hash in the form of lock files: `sha512-…`. */
  readonly integrity: string
  /** The SHA-1 of the tarball. */
  readonly shasum: string
  /** The size in bytes. */
  readonly size: number
  readonly unpackedSize: number
  readonly fileCount: number
  readonly manifest: Readonly<Record<string, unknown>> & { readonly name: string; readonly version: string }
}

/** The packages that an instance serves, as `packages/offer.mjs` writes them. */
export interface OfferedPackages {
  /** The hash of the sources. */
  readonly sources: string
  /** The builds of each package, newest first. */
  readonly packages: Readonly<Record<string, readonly PackageBuild[]>>
}

/** The time that a build of all packages takes at most on a slow machine. */
const BUILD_S = 10

/**
 * Reads the index of the packages.
 * @throws PerSQLError `packages_not_ready` if they are being built, `packages_not_served`
 */
export async function readPackages(env: Env): Promise<OfferedPackages> {
  const found = await openPackageFile(env, 'index.json')
  if (found) return found.json()
  if (isBuilding(env)) throw new PerSQLError('packages_not_ready', { seconds: BUILD_S })
  throw new PerSQLError('packages_not_served')
}

/** Returns whether the launcher builds the packages. Elsewhere, a deployment includes them or the instance has none. */
const isBuilding = (env: Env): boolean => env.PACKAGES !== undefined && getSettings(env).packages === 'self'

/** Opens a file that the index names. Returns `undefined` if it doesn't exist. */
export async function openPackageFile(env: Env, file: string): Promise<Response | undefined> {
  const path = env.PACKAGES ? `https://packages/${file}` : `https://assets/packages/${file}`
  const found = await (env.PACKAGES ?? env.ASSETS)?.fetch(path)
  if (found?.status === 200) return found
  await found?.body?.cancel()
  return undefined
}

/** Returns the URL of a tarball. */
export const toTarballUrl = (baseUrl: string, { file }: PackageBuild): string =>
  `${baseUrl}/packages/${file.replace('+', '%2B')}`
