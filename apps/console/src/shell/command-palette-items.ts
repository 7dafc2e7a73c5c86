import { Database, Eye, Keyboard, LogOut, Moon, Plus, Sun, SunMoon, Table2 } from 'lucide-react'
import type { Choice } from '../ui/combobox-list.tsx'
import type { Theme } from '../ui/theme.ts'
import type { AppLocation } from './location.ts'
import { getNavGroups } from './navigation.ts'
import { databasePath, namespacePath, viewPath } from './paths.ts'
import type { Tabs } from './tab.ts'

interface PaletteInput {
  tabs: Tabs
  place: AppLocation
  tables: readonly string[]
  views: readonly string[]
  databases: readonly string[]
  namespaces: readonly string[]
  may: { edit: boolean; administer: boolean }
  go: (to: string) => void
  setTheme: (theme: Theme) => void
  showKeys: () => void
  signOut: () => void
}

/** Lists every page and action that the palette offers at a location. */
export const listCommands = (input: PaletteInput): Choice[] => [
  ...listPages(input, input.place),
  ...listTables(input),
  ...listViews(input),
  ...listActions(input),
  ...(input.place.db === undefined ? [] : listPages(input, { ns: input.place.ns })),
  ...listDatabases(input),
  ...listNamespaces(input),
  ...listConsoleActions(input),
]

function listPages({ tabs, go }: PaletteInput, place: AppLocation): Choice[] {
  const words = new Map([...tabs.database, ...tabs.settings].map(({ name, words }) => [name, words]))
  return getNavGroups(place, tabs)
    .flatMap(({ links }) => links)
    .filter(({ name }) => name !== 'All databases')
    .map(({ to, name, icon }) => ({
      id: `page-${to}`,
      name,
      icon,
      group: place.db ?? place.ns,
      words: words.get(name),
      choose: () => go(to),
    }))
}

const listTables = ({ place: { ns, db }, tables, go }: PaletteInput): Choice[] =>
  tables.map((name) => ({
    id: `table-${name}`,
    name,
    icon: Table2,
    group: 'Tables',
    choose: () => go(databasePath(ns, db as string, 'tables', encodeURIComponent(name))),
  }))

const listViews = ({ place: { ns, db }, views, go }: PaletteInput): Choice[] =>
  views.map((name) => ({
    id: `view-${name}`,
    name,
    icon: Eye,
    group: 'Views',
    choose: () => go(viewPath(ns, db as string, name)),
  }))

function listActions({ place: { ns, db }, may, go }: PaletteInput): Choice[] {
  const inNamespace = (...path: string[]) => namespacePath(ns, ...path)
  const inDatabase = (...path: string[]) => databasePath(ns, db as string, ...path)
  const actions: [name: string, to: string, mayDo: boolean][] = [
    ...(db === undefined
      ? []
      : ([
          ['New migration', inDatabase('migrations', 'new'), may.edit],
          ['Create snapshot', `${inDatabase('history')}?new=`, may.administer],
          ['Create branch', `${inDatabase('branches')}?new=`, may.administer],
          ['New endpoint', `${inDatabase('endpoints')}?new=`, may.administer],
          ['New webhook', `${inDatabase('webhooks')}?webhook=new`, may.administer],
          ['New schedule', `${inDatabase('schedules')}?schedule=new`, may.administer],
          ['New approval rule', `${inDatabase('approvals')}?new=`, may.administer],
          ['Add hostname', `${inDatabase('hostnames')}?new=`, may.administer],
        ] as [string, string, boolean][])),
    ['New database', `${inNamespace()}?new=`, may.edit],
    ['New token', `${inNamespace('settings', 'tokens')}?new=`, may.administer],
    ['Invite member', `${inNamespace('settings', 'members')}?invite=`, may.administer],
  ]
  return actions
    .filter(([, , mayDo]) => mayDo)
    .map(([name, to]) => ({ id: `do-${name}`, name, icon: Plus, group: 'Actions', choose: () => go(to) }))
}

const listDatabases = ({ place: { ns, db }, databases, go }: PaletteInput): Choice[] =>
  databases
    .filter((slug) => slug !== db)
    .map((slug) => ({
      id: `db-${slug}`,
      name: slug,
      icon: Database,
      group: 'Databases',
      choose: () => go(databasePath(ns, slug)),
    }))

const listNamespaces = ({ place, namespaces, go }: PaletteInput): Choice[] =>
  namespaces
    .filter((slug) => slug !== place.ns)
    .map((slug) => ({ id: `ns-${slug}`, name: slug, group: 'Namespaces', choose: () => go(namespacePath(slug)) }))

const listConsoleActions = ({ setTheme, showKeys, signOut }: PaletteInput): Choice[] =>
  (
    [
      ['Light theme', Sun, 'theme mode', () => setTheme('light')],
      ['Dark theme', Moon, 'theme mode', () => setTheme('dark')],
      ['System theme', SunMoon, 'theme mode', () => setTheme('system')],
      ['Keyboard shortcuts', Keyboard, 'keys help', showKeys],
      ['Sign out', LogOut, 'log out leave', signOut],
    ] as const
  ).map(([name, icon, words, choose]) => ({ id: `console-${name}`, name, icon, words, group: 'Console', choose }))
