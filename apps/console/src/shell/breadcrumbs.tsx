import { DatabaseMenu } from './database-menu.tsx'
import type { AppLocation } from './location.ts'
import { NamespaceMenu } from './namespace-menu.tsx'

/** The menus for the current namespace and database: in a row on wide screens, stacked on phones. */
export function Breadcrumbs({ place: { ns, db, page }, isWide }: { place: AppLocation; isWide: boolean }) {
  const database = db !== undefined && <DatabaseMenu ns={ns} db={db} page={page} isWide={isWide} />
  if (isWide) {
    return (
      <div className="grid gap-2">
        <NamespaceMenu isWide />
        {database}
      </div>
    )
  }
  return (
    <>
      <Slash />
      <NamespaceMenu />
      {database && <Slash />}
      {database}
    </>
  )
}

const Slash = () => (
  <span aria-hidden className="px-1 text-lg text-line-strong">
    /
  </span>
)
