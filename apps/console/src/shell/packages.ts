import { useQuery } from '@tanstack/react-query'
import { call } from '../api/client.ts'

/** Milliseconds between calls while the instance builds its packages, which takes seconds. */
const BUILD_POLL_MS = 2_000

/** Converts the name of a package to the name or URL that `npm install` takes. */
export type ToPackageSpec = (name: string) => string

/** Returns where to install client packages from: this instance, or the npm registry. */
export function usePackageSpec(): ToPackageSpec {
  const { data } = useQuery({
    queryKey: ['GET /api/packages'],
    queryFn: ({ signal }) => call('GET /api/packages', {}, signal),
    staleTime: 60_000,
    refetchInterval: ({ state }) => (isBuilding(state.data) ? BUILD_POLL_MS : false),
  })
  if (data?.source === 'npm') return (name) => name
  const urls = new Map(data?.packages.map(({ name, url }) => [name, url]))
  return (name) => urls.get(name) ?? toCurrentUrl(name)
}

const isBuilding = (data: { source: string; packages: readonly unknown[] } | undefined): boolean =>
  data?.source === 'self' && data.packages.length === 0

/** Returns the URL of the current version. npm repeats the request until the package is built. */
const toCurrentUrl = (name: string): string =>
  `${location.origin}/packages/${name.replace('@', '').replace('/', '-')}.tgz`
