import { ArrowLeft, Database, Rocket } from 'lucide-react'
import { databaseTabs } from '../pages/database/database-tabs.ts'
import { settingsTabs } from '../pages/settings/settings-tabs.ts'
import type { SideGroup, SideLink } from '../ui/side-nav.tsx'
import { type AppLocation, parseLocation } from './location.ts'
import { databasePath, namespacePath } from './paths.ts'
import type { Tab } from './tab.ts'

const tabs: readonly Tab[] = databaseTabs
const paths = tabs.map(({ path }) => path)

/** Where an address is. */
export const placeAt = (pathname: string): AppLocation => parseLocation(pathname, paths)

/** Whether the page of a place takes all the room there is. */
export const isWide = ({ page }: AppLocation): boolean =>
  tabs.some(({ path, isWide }) => path === page && isWide === true)

/** What stands at the side of a place: the pages of its database, or those of its namespace. */
export function groupsOf({ ns, db }: AppLocation): SideGroup[] {
  if (db === undefined) {
    return [
      {
        links: [
          { to: namespacePath(ns), name: 'Databases', icon: Database, isExact: true },
          { to: namespacePath(ns, 'welcome'), name: 'Get started', icon: Rocket },
        ],
      },
      ...grouped(settingsTabs, (path) => namespacePath(ns, 'settings', path)),
    ]
  }
  return [
    { links: [{ to: namespacePath(ns), name: 'All databases', icon: ArrowLeft, isExact: true }] },
    ...grouped(tabs, (path) => databasePath(ns, db, path)),
  ]
}

function grouped(tabs: readonly Tab[], pathOf: (path: string) => string): SideGroup[] {
  const names = [...new Set(tabs.map(({ group }) => group))]
  return names.map((name) => ({
    name,
    links: tabs.filter(({ group }) => group === name).map(({ path, name, icon }) => ({ to: pathOf(path), name, icon })),
  }))
}

/** The link among groups that leads to where one is. */
export const currentOf = (groups: readonly SideGroup[], pathname: string): SideLink | undefined =>
  groups
    .flatMap(({ links }) => links)
    .find(({ to, isExact }) => pathname === to || (isExact !== true && pathname.startsWith(`${to}/`)))
