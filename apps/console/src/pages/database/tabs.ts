import type { Tab } from '../../shell/tabbed.tsx'

/** The pages of a database, in the order of their tabs; the first is where one arrives. */
export const databaseTabs = [
  { path: 'overview', name: 'Overview', load: () => import('./overview.tsx').then(({ OverviewPage }) => OverviewPage) },
  { path: 'tables', name: 'Tables', load: () => import('../tables/page.tsx').then(({ TablesPage }) => TablesPage) },
  { path: 'query', name: 'Query', load: () => import('../query/page.tsx').then(({ QueryPage }) => QueryPage) },
  { path: 'schema', name: 'Schema', load: () => import('./schema/page.tsx').then(({ SchemaPage }) => SchemaPage) },
  {
    path: 'branches',
    name: 'Branches',
    load: () => import('./branches/page.tsx').then(({ BranchesPage }) => BranchesPage),
  },
  { path: 'history', name: 'History', load: () => import('./history/page.tsx').then(({ HistoryPage }) => HistoryPage) },
  {
    path: 'migrations',
    name: 'Migrations',
    load: () => import('./migrations/page.tsx').then(({ MigrationsPage }) => MigrationsPage),
  },
  {
    path: 'transfer',
    name: 'Import/Export',
    load: () => import('./transfer/page.tsx').then(({ TransferPage }) => TransferPage),
  },
  { path: 'connect', name: 'Connect', load: () => import('./connect/page.tsx').then(({ ConnectPage }) => ConnectPage) },
  { path: 'sharing', name: 'Sharing', load: () => import('./sharing.tsx').then(({ SharingPage }) => SharingPage) },
  {
    path: 'endpoints',
    name: 'Endpoints',
    load: () => import('./endpoints/page.tsx').then(({ EndpointsPage }) => EndpointsPage),
  },
  {
    path: 'approvals',
    name: 'Approvals',
    load: () => import('./approvals/page.tsx').then(({ ApprovalsPage }) => ApprovalsPage),
  },
  {
    path: 'webhooks',
    name: 'Webhooks',
    load: () => import('./webhooks/page.tsx').then(({ WebhooksPage }) => WebhooksPage),
  },
  {
    path: 'schedules',
    name: 'Schedules',
    load: () => import('./schedules/page.tsx').then(({ SchedulesPage }) => SchedulesPage),
  },
  {
    path: 'hostnames',
    name: 'Hostnames',
    load: () => import('./hostnames/page.tsx').then(({ HostnamesPage }) => HostnamesPage),
  },
  {
    path: 'insights',
    name: 'Insights',
    load: () => import('./insights/page.tsx').then(({ InsightsPage }) => InsightsPage),
  },
] as const satisfies readonly Tab[]
