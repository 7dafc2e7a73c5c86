import type { ComponentType } from 'react'
import { Outlet } from 'react-router'
import { Tabs } from '../ui/tabs.tsx'
import { databasePath, namespacePath, useDatabase, useNamespace } from './address.ts'

/** A tab: the last part of its address, its name, and how its page is loaded. */
export interface Tab {
  path: string
  name: string
  load: () => Promise<ComponentType>
}

/** The pages of a database, or of the settings, under their tabs. */
export function Tabbed({ of, tabs }: { of: 'database' | 'settings'; tabs: readonly Tab[] }) {
  const ns = useNamespace()
  const db = useDatabase()
  const isDatabase = of === 'database'
  const pathOf = (path: string) => (isDatabase ? databasePath(ns, db, path) : namespacePath(ns, 'settings', path))
  return (
    <div className="grid min-w-0 gap-6">
      <div className="grid min-w-0 gap-2">
        <p className="text-lg font-semibold break-all">{isDatabase ? db : 'Settings'}</p>
        <Tabs
          label={isDatabase ? `Pages of ${db}` : 'Settings'}
          tabs={tabs.map(({ path, name }) => [pathOf(path), name])}
        />
      </div>
      <Outlet />
    </div>
  )
}
