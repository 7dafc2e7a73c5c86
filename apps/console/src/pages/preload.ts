import { databaseTabs } from './database/database-tabs.ts'
import { settingsTabs } from './settings/settings-tabs.ts'

/** Asks for the page of an address at once, and not only when it is known who is there. */
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

/** The page asks for it once more, and says what happened. */
const later = () => {}
