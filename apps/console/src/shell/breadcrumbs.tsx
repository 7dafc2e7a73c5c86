import { DatabaseMenu } from './database-menu.tsx'
import type { AppLocation } from './location.ts'
import { NamespaceMenu } from './namespace-menu.tsx'

/** The namespace and the database one is in, each a way to the others: side by side, or one above the other. */
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
