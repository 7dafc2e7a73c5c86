import type { Tab } from '../../shell/tabbed.tsx'

/** The pages of the settings, in the order of their tabs; the first is where one arrives. */
export const settingsTabs = [
  { path: 'general', name: 'General', load: () => import('./general.tsx').then(({ GeneralPage }) => GeneralPage) },
] as const satisfies readonly Tab[]
