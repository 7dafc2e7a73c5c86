import { ArrowLeft, Database, Rocket } from 'lucide-react'
import type { SideGroup, SideLink } from '../ui/side-nav.tsx'
import { type AppLocation, parseLocation } from './location.ts'
import { databasePath, namespacePath } from './paths.ts'
import type { Tab, Tabs } from './tab.ts'

/** Returns the location of a URL path. */
export const placeAt = (pathname: string, { database }: Tabs): AppLocation =>
  parseLocation(
    pathname,
    database.map(({ path }) => path),
  )

/** Returns whether the page at a location uses the full width. */
export const isWide = ({ page }: AppLocation, { database }: Tabs): boolean =>
  database.some(({ path, isWide }) => path === page && isWide === true)

/** Returns the groups of the side navigation: the pages of the database, or else those of the namespace. */
export function getNavGroups({ ns, db }: AppLocation, tabs: Tabs): SideGroup[] {
  if (db === undefined) {
    return [
      {
        links: [
          { to: namespacePath(ns), name: 'Databases', icon: Database, isExact: true },
          { to: namespacePath(ns, 'welcome'), name: 'Get started', icon: Rocket },
        ],
      },
      ...grouped(tabs.settings, (path) => namespacePath(ns, 'settings', path)),
    ]
  }
  return [
    { links: [{ to: namespacePath(ns), name: 'All databases', icon: ArrowLeft, isExact: true }] },
    ...grouped(tabs.database, (path) => databasePath(ns, db, path)),
  ]
}

function grouped(tabs: readonly Tab[], toPath: (path: string) => string): SideGroup[] {
  const names = [...new Set(tabs.map(({ group }) => group))]
  return names.map((name) => ({
    name,
    links: tabs.filter(({ group }) => group === name).map(({ path, name, icon }) => ({ to: toPath(path), name, icon })),
  }))
}

/** Finds the link to the current page. */
export const findActiveLink = (groups: readonly SideGroup[], pathname: string): SideLink | undefined =>
  groups
    .flatMap(({ links }) => links)
    .find(({ to, isExact }) => pathname === to || (isExact !== true && pathname.startsWith(`${to}/`)))
