import { PerSQLError } from '@persql/contract'
import { Hono } from 'hono'
import { getContext } from '../../context.ts'
import type { Env } from '../../env.ts'
import {
  type OfferedPackages,
  openPackageFile,
  type PackageBuild,
  readPackages,
  toTarballUrl,
} from '../../offered-packages.ts'
import { packagesPage } from '../pages/packages-page.ts'
import { parseRange } from './byte-range.ts'

const YEAR_S = 365 * 24 * 60 * 60
const SCOPE = '@persql'
/** Caches can keep a response, but ask for a newer one each time. */
const REVALIDATED = 'public, no-cache'

/**
 * Serves the client packages: a page, a registry for the scope `@persql`, and tarballs. The tarball of a version never
 * changes.
 */
export function packageRegistry(): Hono<{ Bindings: Env }> {
  const app = new Hono<{ Bindings: Env }>()
  app.get('/packages', (c) => c.redirect(`${getContext(c.req.raw, c.env).baseUrl}/packages/`, 308))
  app.get('/packages/', async (c) => {
    const { baseUrl, settings } = getContext(c.req.raw, c.env)
    return packagesPage(await readPackages(c.env), baseUrl, settings.packages)
  })
  app.get(`/packages/${SCOPE}/:name`, (c) => answerPackument(c.req.raw, c.env, c.req.param('name')))
  app.get('/packages/:file', (c) => {
    const file = c.req.param('file')
    // npm escapes the slash of a package's name, and the router matches before it is unescaped.
    return file.startsWith(`${SCOPE}/`)
      ? answerPackument(c.req.raw, c.env, file.slice(SCOPE.length + 1))
      : answerTarball(c.req.raw, c.env, file)
  })
  return app
}

/** Returns the document of a package in which npm looks for versions. */
async function answerPackument(request: Request, env: Env, name: string): Promise<Response> {
  const offered = await readPackages(env)
  const [newest, ...older] = findBuilds(offered, `${SCOPE}/${name}`)
  if (newest === undefined) throw new PerSQLError('package_not_found', { package: `${SCOPE}/${name}` })
  const { baseUrl } = getContext(request, env)
  const headers = { ETag: `"${offered.sources.slice(0, 32)}"`, 'Cache-Control': REVALIDATED, Vary: 'Host' }
  if (isUnchanged(request, headers.ETag)) return new Response(null, { status: 304, headers })
  // The newest build of a version comes last, so it is the one that is installed.
  const versions = [...older]
    .reverse()
    .concat(newest)
    .map((build) => [build.manifest.version, toVersion(build, baseUrl)])
  const { description, license, homepage, bugs, repository } = newest.manifest
  return Response.json(
    {
      _id: newest.manifest.name,
      name: newest.manifest.name,
      description,
      'dist-tags': { latest: newest.manifest.version },
      versions: Object.fromEntries(versions),
      ...{ license, homepage, bugs, repository },
    },
    { headers },
  )
}

const findBuilds = ({ packages }: OfferedPackages, name: string): readonly PackageBuild[] =>
  Object.hasOwn(packages, name) ? (packages[name] ?? []) : []

function toVersion(build: PackageBuild, baseUrl: string) {
  const { manifest, integrity, shasum, unpackedSize, fileCount } = build
  const dist = { tarball: toTarballUrl(baseUrl, build), integrity, shasum, unpackedSize, fileCount }
  return { ...manifest, _id: `${manifest.name}@${manifest.version}`, dist }
}

/** Returns a tarball by the name of its file, or the newest one by that name without a version. */
async function answerTarball(request: Request, env: Env, file: string): Promise<Response> {
  const { packages } = await readPackages(env)
  const builds = Object.values(packages)
  const named = builds.flat().find((build) => build.file === file)
  const build = named ?? builds.find(([newest]) => newest && toShortName(newest) === file)?.[0]
  const found = build && (await openPackageFile(env, build.file))
  if (!build || !found) throw new PerSQLError('package_not_found', { package: file })
  const headers = new Headers({
    'Content-Type': 'application/gzip',
    'Content-Length': String(build.size),
    'Cache-Control': named ? `public, max-age=${YEAR_S}, immutable` : REVALIDATED,
    ETag: `"${build.shasum}"`,
    'Accept-Ranges': 'bytes',
    'X-Content-Type-Options': 'nosniff',
  })
  if (isUnchanged(request, `"${build.shasum}"`)) {
    await found.body?.cancel()
    headers.delete('Content-Length')
    return new Response(null, { status: 304, headers })
  }
  const range = parseRange(request.headers, build.size, `"${build.shasum}"`)
  if (range === undefined) return new Response(found.body, { headers })
  const bytes = await found.arrayBuffer()
  if (range === 'outside') {
    headers.set('Content-Range', `bytes */${build.size}`)
    headers.set('Content-Length', '0')
    return new Response(null, { status: 416, headers })
  }
  headers.set('Content-Range', `bytes ${range.from}-${range.to}/${build.size}`)
  headers.set('Content-Length', String(range.to - range.from + 1))
  return new Response(bytes.slice(range.from, range.to + 1), { status: 206, headers })
}

const toShortName = ({ manifest }: PackageBuild): string => `${manifest.name.replace('@', '').replace('/', '-')}.tgz`

/** Returns whether the client has the response with this tag. */
function isUnchanged(request: Request, tag: string): boolean {
  const known = request.headers.get('If-None-Match') ?? ''
  return known.split(',').some((each) => each.trim().replace(/^W\//, '') === tag || each.trim() === '*')
}
