/** Where one is: always in a namespace, often in a database, and perhaps on one of the pages that has. */
export interface AppLocation {
  ns: string
  db?: string
  /** The last part of the address of a database's page. */
  page?: string
}

const RESERVED = new Set(['settings', 'welcome'])

/** Reads an address. Below a namespace stands a database only where `pages` know what follows. */
export function parseLocation(pathname: string, pages: readonly string[]): AppLocation {
  const [ns = '', db = '', page = ''] = pathname.split('/').slice(1)
  const place = { ns: ns.replace(/^@/, '') }
  if (db === '' || RESERVED.has(db)) return place
  if (page === '') return { ...place, db: db.replace(/^@/, '') }
  return pages.includes(page) ? { ...place, db: db.replace(/^@/, ''), page } : place
}
