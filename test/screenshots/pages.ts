import { DATABASE, NAMESPACE, type Shop } from './shop.ts'

/** A page for a screenshot: its file name, path and viewer. */
export interface Picture {
  name: string
  path: string
  /** Whether it is viewed without signing in. */
  isPublic?: boolean
  /** The title in the documentation, if it differs from the name. */
  title?: string
  /** The action before the screenshot. */
  before?: Action
}

/** A key or a button to press, and the role of the element that then appears. */
export type Action =
  | { readonly press: string }
  | { readonly click: string; readonly until: 'grid' | 'alert' | 'heading'; readonly named?: string }

const REVENUE = 'SELECT city, orders, revenue\nFROM revenue_by_city\nORDER BY revenue DESC'
const MISTAKE = 'SELECT name, price\nFROM products\nORDER BY price DESC'

const DRY_RUN: Action = { click: 'Dry run', until: 'heading', named: 'Dry run passed' }

/** Returns all pages with their names in `docs/screenshots`. */
export function listPictures({ addresses }: Pick<Shop, 'addresses'>): Picture[] {
  const ns = (name: string, path = '', title?: string) => ({
    name,
    path: `/${NAMESPACE}${path}`,
    ...(title !== undefined && { title }),
  })
  const db = (name: string, path = name, title?: string) => ns(name, `/${DATABASE}/${path}`, title)
  const query = (sql: string) => `query?sql=${encodeURIComponent(sql)}`
  return [
    { name: 'login', path: '/login', isPublic: true, title: 'Sign in' },
    { name: 'signup', path: '/signup', isPublic: true, title: 'Create an account' },
    { name: 'invite', path: addresses.invite, isPublic: true, title: 'Invitation' },
    { name: 'link-expired', path: `/invite/inv_${NAMESPACE}_${'0'.repeat(32)}`, isPublic: true, title: 'Expired link' },
    { name: 'consent', path: addresses.consent, title: 'Authorize an app' },
    { name: 'approve', path: addresses.approve, title: 'Approve a write' },
    ns('databases'),
    ns('new-database', '?new='),
    ns('welcome', '/welcome', 'Get started'),
    db('overview'),
    db('tables'),
    ns('no-tables', '/analytics/tables'),
    db('table', 'tables/orders', 'Rows of a table'),
    { ...db('query', query(REVENUE)), before: { click: 'Run', until: 'grid' } },
    { ...db('query-error', query(MISTAKE), 'Failed query'), before: { click: 'Run', until: 'alert' } },
    db('schema'),
    db('branches'),
    db('new-branch', 'branches?new='),
    db('merge', `branches/merge/${addresses.branch}`, 'Merge a branch'),
    db('migrations'),
    db('migration', `migrations/${addresses.migration}`, 'Draft of a migration'),
    { ...db('dry-run', `migrations/${addresses.migration}`), before: DRY_RUN },
    db('history', 'history', 'Snapshots'),
    db('transfer', 'transfer', 'Import & export'),
    db('approvals'),
    db('connect'),
    db('endpoints'),
    db('new-endpoint', 'endpoints?new='),
    db('endpoint', 'endpoints/orders-of'),
    db('traffic', 'endpoints/orders-of?view=traffic', 'Traffic of an endpoint'),
    db('webhooks'),
    db('webhook', `webhooks/${addresses.webhook}`),
    db('schedules'),
    db('hostnames', 'hostnames', 'Custom hostnames'),
    db('sharing'),
    db('insights'),
    ns('general', '/settings/general'),
    ns('tokens', '/settings/tokens'),
    ns('new-token', '/settings/tokens?new='),
    ns('members', '/settings/members'),
    ns('apps', '/settings/apps', 'Connected apps'),
    ns('billing', '/settings/billing'),
    ns('audit', '/settings/audit', 'Audit log'),
    { ...db('palette', 'overview', 'Command palette'), before: { press: 'Control+k' } },
    { ...db('keys', 'overview', 'Keyboard shortcuts'), before: { press: '?' } },
    { name: 'not-found', path: '/nobody', title: 'Page not found' },
  ]
}
