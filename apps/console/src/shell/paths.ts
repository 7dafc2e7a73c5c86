import { useParams } from 'react-router'

/** First parts of addresses that are no namespaces, and second parts that are no databases. */
const NO_NAMESPACE = /^(api|approve|assets|billing|healthz|invite|login|logout|mcp|metrics|oauth|p|signup|v1)$/
const NO_DATABASE = /^(settings|welcome)$/

const marked = (slug: string, taken: RegExp) => (taken.test(slug) ? `@${slug}` : slug)

/** The address of a namespace's page. A namespace that is called like something else here gets an @ before its name. */
export const namespacePath = (ns: string, ...more: string[]): string =>
  ['', marked(ns, NO_NAMESPACE), ...more].join('/')

/** The address of a database's page. */
export const databasePath = (ns: string, db: string, ...more: string[]): string =>
  namespacePath(ns, marked(db, NO_DATABASE), ...more)

/** Where the rows of a view are: on the page of queries, for it has none of its own. */
export const viewPath = (ns: string, db: string, view: string): string => {
  const sql = `SELECT * FROM "${view.replaceAll('"', '""')}" LIMIT 100`
  return `${databasePath(ns, db, 'query')}?${new URLSearchParams({ sql })}`
}

/** The namespace of the page. */
export const useNamespace = (): string => (useParams().ns ?? '').replace(/^@/, '')

/** The database of the page. */
export const useDatabase = (): string => (useParams().db ?? '').replace(/^@/, '')
