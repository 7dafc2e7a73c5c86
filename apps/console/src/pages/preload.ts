import { databaseTabs } from './database/database-tabs.ts'
import { settingsTabs } from './settings/settings-tabs.ts'

/** Starts to load the code of a page before the response for the signed-in user arrives. */
export function preloadPage(path: string): void {
  const [ns, place, tab] = path.split('/').filter(Boolean)
  if (!ns || !place) return
  if (place === 'welcome') {
    void import('./welcome/page.tsx').catch(later)
    return
  }
  const tabs = place === 'settings' ? settingsTabs : databaseTabs
  const page = tabs.find((one) => one.path === (tab ?? tabs[0].path))
  void page?.load().catch(later)
}

/** The page loads its code again and reports the error. */
const later = () => {}
