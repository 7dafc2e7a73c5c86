import type { Tab } from '../../shell/tabbed.tsx'

/** The pages of the settings, in the order of their tabs; the first is where one arrives. */
export const settingsTabs = [
  { path: 'general', name: 'General', load: () => import('./general.tsx').then(({ GeneralPage }) => GeneralPage) },
  { path: 'tokens', name: 'Tokens', load: () => import('./tokens/page.tsx').then(({ TokensPage }) => TokensPage) },
  { path: 'members', name: 'Members', load: () => import('./members/page.tsx').then(({ MembersPage }) => MembersPage) },
  { path: 'apps', name: 'Apps', load: () => import('./apps.tsx').then(({ AppsPage }) => AppsPage) },
  { path: 'billing', name: 'Billing', load: () => import('./billing/page.tsx').then(({ BillingPage }) => BillingPage) },
  { path: 'audit', name: 'Audit', load: () => import('./audit/page.tsx').then(({ AuditPage }) => AuditPage) },
] as const satisfies readonly Tab[]
