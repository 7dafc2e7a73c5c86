/** A location in the console: a namespace, and optionally a database and one of its pages. */
export interface AppLocation {
  ns: string
  db?: string
  /** The last part of the URL path of a database page. */
  page?: string
}

const RESERVED = new Set(['settings', 'welcome'])

/** Parses a URL path. The part after the namespace counts as a database only if `pages` contains the part after it. */
export function parseLocation(pathname: string, pages: readonly string[]): AppLocation {
  const [ns = '', db = '', page = ''] = pathname.split('/').slice(1)
  const place = { ns: ns.replace(/^@/, '') }
  if (db === '' || RESERVED.has(db)) return place
  if (page === '') return { ...place, db: db.replace(/^@/, '') }
  return pages.includes(page) ? { ...place, db: db.replace(/^@/, ''), page } : place
}
