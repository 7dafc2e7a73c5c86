import { useParams } from 'react-router'

/** First path parts that can't be namespaces, and second path parts that can't be databases. */
const NO_NAMESPACE =
  /^(api|approve|assets|billing|healthz|invite|login|logout|mcp|metrics|docs|oauth|p|packages|readyz|signup|v1)$/
const NO_DATABASE = /^(settings|welcome)$/

const marked = (slug: string, taken: RegExp) => (taken.test(slug) ? `@${slug}` : slug)

/** Returns the path of a namespace page. A namespace with the name of another route gets an `@` prefix. */
export const namespacePath = (ns: string, ...more: string[]): string =>
  ['', marked(ns, NO_NAMESPACE), ...more].join('/')

/** Returns the path of a database page. */
export const databasePath = (ns: string, db: string, ...more: string[]): string =>
  namespacePath(ns, marked(db, NO_DATABASE), ...more)

/** Returns the path to the rows of a view: a query on the query page, because views have no page. */
export const viewPath = (ns: string, db: string, view: string): string => {
  const sql = `SELECT * FROM "${view.replaceAll('"', '""')}" LIMIT 100`
  return `${databasePath(ns, db, 'query')}?${new URLSearchParams({ sql })}`
}

/** Returns the namespace of the current page. */
export const useNamespace = (): string => (useParams().ns ?? '').replace(/^@/, '')

/** Returns the database of the current page. */
export const useDatabase = (): string => (useParams().db ?? '').replace(/^@/, '')
