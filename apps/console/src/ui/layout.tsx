import type { ReactNode } from 'react'
import { Link } from 'react-router'
import { Drawer } from './drawer.tsx'
import { useScrollToTop } from './scroll-to-top.ts'

interface LayoutProps {
  /** The namespace and database menus: in the bar on wide screens, in the drawer on phones. */
  crumbs: (isWide: boolean) => ReactNode
  /** The search button at the end of the bar. The small form is for phones. */
  search: (isSmall: boolean) => ReactNode
  account: (isWide: boolean) => ReactNode
  side: ReactNode
  /** The current location in a few words, for the button that opens the drawer. */
  here: ReactNode
  /** A message above the page that concerns everyone. */
  banner: ReactNode
  /** Whether the page uses the full width. */
  isWide: boolean
  children: ReactNode
}

/** The bar, the side navigation and the page. On phones, a drawer contains the navigation. */
export function Layout({ crumbs, search, account, side, here, banner, isWide, children }: LayoutProps) {
  useScrollToTop()
  return (
    <div className="min-h-dvh md:grid md:grid-cols-[13.5rem_minmax(0,1fr)] md:grid-rows-[auto_1fr]">
      <a
        href="#page"
        className="sr-only z-50 rounded-field bg-accent p-3 text-on-accent focus:not-sr-only focus:fixed focus:top-2 focus:left-2"
      >
        Skip to content
      </a>
      <header className="sticky top-0 z-30 col-span-2 flex h-13 items-center gap-2 border-b border-line bg-surface px-3 md:px-4">
        <Brand />
        <div className="hidden min-w-0 grow items-center md:flex">{crumbs(false)}</div>
        <div className="min-w-0 grow md:hidden">
          <Drawer here={here}>
            {crumbs(true)}
            {side}
            <div className="mt-auto border-t border-line pt-3">{account(true)}</div>
          </Drawer>
        </div>
        <div className="flex shrink-0 items-center gap-2">
          <div className="hidden md:block">{search(false)}</div>
          <div className="md:hidden">{search(true)}</div>
          <div className="hidden md:block">{account(false)}</div>
        </div>
      </header>
      <div className="sticky top-13 hidden h-[calc(100dvh-3.25rem)] overflow-y-auto border-r border-line bg-surface px-3 py-4 md:block">
        {side}
      </div>
      <div className="min-w-0">
        {banner}
        <main
          id="page"
          tabIndex={-1}
          className={`scroll-mt-13 px-4 py-6 outline-none sm:px-8 sm:py-8 ${isWide ? '' : 'max-w-6xl'}`}
        >
          {children}
        </main>
      </div>
    </div>
  )
}

/** The logo, with a link to the start page. */
const Brand = () => (
  <Link to="/" aria-label="PerSQL" className="flex shrink-0 items-center rounded-field p-1">
    <img src="/favicon.svg" alt="" width="24" height="24" />
  </Link>
)
