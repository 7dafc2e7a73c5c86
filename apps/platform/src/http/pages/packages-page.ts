import { type OfferedPackages, type PackageBuild, toTarballUrl } from '../../offered-packages.ts'
import { escapeHtml, page } from './html-page.ts'

/** Returns the page with the commands that install each package. */
export function packagesPage({ packages }: OfferedPackages, baseUrl: string, source: 'self' | 'npm'): Response {
  const newest = Object.values(packages).flatMap(([build]) => build ?? [])
  const blocks = newest.flatMap((build) => {
    const { name, version, description } = build.manifest
    return [`<h2>${escapeHtml(`${name} ${version}`)}</h2>`, escapeHtml(String(description ?? '')), toCommand(build)]
  })
  return page('Client packages', [
    source === 'self'
      ? 'This instance serves the packages of PerSQL clients.'
      : 'The packages of PerSQL clients are on the npm registry. This instance also serves them.',
    ...blocks,
    '<h2>By name</h2>',
    'To install by name, and to get newer versions with <code>npm update</code>, set the registry of the packages once for your app:',
    `<pre><code>${escapeHtml(`npm config set @persql:registry ${baseUrl}/packages/ --location=project`)}</code></pre>`,
  ])

  /** Returns the command that installs a package together with the packages of ours that it requires. */
  function toCommand(build: PackageBuild): string {
    const peers = Object.keys(Object(build.manifest.peerDependencies)).filter(isRequired(build.manifest))
    const specs = [build.manifest.name, ...peers].map((name) => {
      const own = newest.find((other) => other.manifest.name === name)
      return own && source === 'self' ? toTarballUrl(baseUrl, own) : name
    })
    const isProgram = build.manifest.exports === undefined
    return `<pre><code>${escapeHtml(`npm install ${isProgram ? '--global ' : ''}${specs.join(' ')}`)}</code></pre>`
  }
}

const isRequired =
  ({ peerDependenciesMeta }: PackageBuild['manifest']) =>
  (name: string): boolean =>
    Object(Object(peerDependenciesMeta)[name]).optional !== true
