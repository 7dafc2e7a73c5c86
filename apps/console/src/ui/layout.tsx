import { Database, Menu as MenuIcon, Rocket, Settings } from 'lucide-react'
import { Dialog } from 'radix-ui'
import { type ReactNode, useEffect, useState } from 'react'
import { Link, NavLink, useLocation } from 'react-router'
import { Button } from './button.tsx'
import { classes } from './classes.ts'

const ICONS = { databases: Database, start: Rocket, settings: Settings }

interface LayoutProps {
  /** Above the links of the sidebar, and below them. */
  top: ReactNode
  bottom: ReactNode
  links: readonly (readonly [to: string, name: string, icon: keyof typeof ICONS])[]
  /** Over the page, when there is something everybody must know. */
  banner: ReactNode
  children: ReactNode
}

/** A sidebar and a page beside it. On phones the sidebar waits behind a button. */
export function Layout({ top, bottom, links, banner, children }: LayoutProps) {
  const [isOpen, setOpen] = useState(false)
  const { pathname } = useLocation()
  // biome-ignore lint/correctness/useExhaustiveDependencies: whoever has gone somewhere wants to see it
  useEffect(() => setOpen(false), [pathname])
  const sidebar = (
    <>
      <Brand />
      {top}
      <nav aria-label="Namespace" className="grow">
        <ul className="grid gap-1">
          {links.map(([to, name, icon]) => (
            <li key={to}>
              <SidebarLink to={to} name={name} icon={icon} isExact={icon === 'databases'} />
            </li>
          ))}
        </ul>
      </nav>
      {bottom}
    </>
  )
  return (
    <div className="min-h-dvh md:grid md:grid-cols-[15rem_minmax(0,1fr)]">
      <a
        href="#page"
        className="sr-only z-50 rounded-field bg-accent p-3 text-on-accent focus:not-sr-only focus:fixed focus:top-2 focus:left-2"
      >
        Skip to the page
      </a>
      <div className="sticky top-0 hidden h-dvh flex-col gap-4 border-r border-line bg-surface p-4 md:flex">
        {sidebar}
      </div>
      <Dialog.Root open={isOpen} onOpenChange={setOpen}>
        <header className="sticky top-0 z-30 flex items-center justify-between border-b border-line bg-surface px-4 py-2 md:hidden">
          <Brand />
          <Dialog.Trigger asChild>
            <Button look="quiet" size="icon" aria-label="Menu">
              <MenuIcon aria-hidden className="size-5" />
            </Button>
          </Dialog.Trigger>
        </header>
        <Dialog.Portal>
          <div data-modal className="fixed inset-0 z-40 bg-shade md:hidden">
            <Dialog.Content
              aria-describedby={undefined}
              className="flex h-full w-72 max-w-[85vw] flex-col gap-4 bg-surface p-4 shadow-float"
            >
              <Dialog.Title className="sr-only">Menu</Dialog.Title>
              {sidebar}
            </Dialog.Content>
          </div>
        </Dialog.Portal>
      </Dialog.Root>
      <div className="min-w-0">
        {banner}
        <main id="page" tabIndex={-1} className="mx-auto max-w-5xl px-4 py-8 outline-none sm:px-8">
          {children}
        </main>
      </div>
    </div>
  )
}

/** The mark of the product. */
const Brand = () => (
  <Link to="/" className="flex items-center gap-2 rounded-field font-semibold">
    <img src="/favicon.svg" alt="" width="24" height="24" />
    PerSQL
  </Link>
)

interface SidebarLinkProps {
  to: string
  name: string
  icon: keyof typeof ICONS
  isExact: boolean
}

function SidebarLink({ to, name, icon, isExact }: SidebarLinkProps) {
  const Icon = ICONS[icon]
  return (
    <NavLink
      to={to}
      end={isExact}
      className={({ isActive }) =>
        classes(
          'flex items-center gap-2.5 rounded-field px-3 py-2',
          isActive ? 'bg-accent-soft font-medium text-accent-strong' : 'text-ink hover:bg-sunken',
        )
      }
    >
      <Icon aria-hidden className="size-4" />
      {name}
    </NavLink>
  )
}
