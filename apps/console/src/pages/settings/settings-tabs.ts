import { AppWindow, CreditCard, KeyRound, ScrollText, Settings2, Users } from 'lucide-react'
import type { Tab } from '../../shell/tab.ts'

/** The settings pages in the order of the side navigation. The first is the default. */
export const settingsTabs = [
  {
    path: 'general',
    name: 'General',
    group: 'Settings',
    icon: Settings2,
    words: 'rename quotas limits',
    load: () => import('./general.tsx').then(({ GeneralPage }) => GeneralPage),
  },
  {
    path: 'tokens',
    name: 'Tokens',
    group: 'Settings',
    icon: KeyRound,
    words: 'secrets api keys',
    load: () => import('./tokens/page.tsx').then(({ TokensPage }) => TokensPage),
  },
  {
    path: 'members',
    name: 'Members',
    group: 'Settings',
    icon: Users,
    words: 'people invite roles',
    load: () => import('./members/page.tsx').then(({ MembersPage }) => MembersPage),
  },
  {
    path: 'apps',
    name: 'Connected apps',
    group: 'Settings',
    icon: AppWindow,
    words: 'oauth clients agents',
    load: () => import('./connected-apps.tsx').then(({ AppsPage }) => AppsPage),
  },
  {
    path: 'billing',
    name: 'Billing',
    group: 'Settings',
    icon: CreditCard,
    words: 'balance funds usage spend ledger',
    load: () => import('./billing/page.tsx').then(({ BillingPage }) => BillingPage),
  },
  {
    path: 'audit',
    name: 'Audit log',
    group: 'Settings',
    icon: ScrollText,
    words: 'events history who did what',
    load: () => import('./audit/page.tsx').then(({ AuditPage }) => AuditPage),
  },
] as const satisfies readonly Tab[]
