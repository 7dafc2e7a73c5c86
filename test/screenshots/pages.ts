import { DATABASE, NAMESPACE, type Shop } from './shop.ts'

/** A page for a screenshot: its file name, path and viewer. */
export interface Picture {
  name: string
  path: string
  /** Whether it is viewed without signing in. */
  isPublic?: boolean
  /** The action before the screenshot. */
  before?: 'run a query' | 'open the palette' | 'list the keys'
}

const REVENUE = 'SELECT city, orders, revenue\nFROM revenue_by_city\nORDER BY revenue DESC'

/** Returns all pages with their names in `docs/screenshots`. */
export function listPictures({ addresses }: Pick<Shop, 'addresses'>): Picture[] {
  const ns = (name: string, path = '') => ({ name, path: `/${NAMESPACE}${path}` })
  const db = (name: string, path = name) => ({ name, path: `/${NAMESPACE}/${DATABASE}/${path}` })
  return [
    { name: 'login', path: '/login', isPublic: true },
    { name: 'signup', path: '/signup', isPublic: true },
    { name: 'invite', path: addresses.invite },
    { name: 'consent', path: addresses.consent },
    { name: 'approve', path: addresses.approve },
    ns('databases'),
    ns('new-database', '?new='),
    ns('welcome', '/welcome'),
    db('overview'),
    db('tables'),
    db('table', 'tables/orders'),
    { ...db('query', `query?sql=${encodeURIComponent(REVENUE)}`), before: 'run a query' },
    db('schema'),
    db('branches'),
    db('merge', `branches/merge/${addresses.branch}`),
    db('migrations'),
    db('migration', `migrations/${addresses.migration}`),
    db('history'),
    db('transfer'),
    db('approvals'),
    db('connect'),
    db('endpoints'),
    db('endpoint', 'endpoints/orders-of'),
    db('traffic', 'endpoints/orders-of?view=traffic'),
    db('webhooks'),
    db('webhook', `webhooks/${addresses.webhook}`),
    db('schedules'),
    db('hostnames'),
    db('sharing'),
    db('insights'),
    ns('general', '/settings/general'),
    ns('tokens', '/settings/tokens'),
    ns('new-token', '/settings/tokens?new='),
    ns('members', '/settings/members'),
    ns('apps', '/settings/apps'),
    ns('billing', '/settings/billing'),
    ns('audit', '/settings/audit'),
    { ...db('palette', 'overview'), before: 'open the palette' },
    { ...db('keys', 'overview'), before: 'list the keys' },
    { name: 'not-found', path: '/nobody' },
  ]
}
