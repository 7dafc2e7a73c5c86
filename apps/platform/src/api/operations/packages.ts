import { PerSQLError } from '@persql/contract'
import { readPackages, toTarballUrl } from '../../offered-packages.ts'
import type { AnyoneHandlers } from './handlers.ts'

export const packages = {
  list_packages: async (_input, { env, settings, baseUrl }) => {
    if (settings.packages === 'npm') return { source: 'npm', packages: [] }
    try {
      const builds = Object.values((await readPackages(env)).packages).flatMap(([newest]) => newest ?? [])
      return {
        source: 'self',
        packages: builds.map((build) => ({
          name: build.manifest.name,
          version: build.manifest.version,
          url: toTarballUrl(baseUrl, build),
        })),
      }
    } catch (cause) {
      if (!(cause instanceof PerSQLError)) throw cause
      return { source: cause.code === 'packages_not_ready' ? 'self' : 'npm', packages: [] }
    }
  },
} satisfies Partial<AnyoneHandlers>
