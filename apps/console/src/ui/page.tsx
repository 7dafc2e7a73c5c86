import { ArrowLeft } from 'lucide-react'
import { createContext, type ReactNode, useContext, useEffect } from 'react'
import { Link } from 'react-router'

const Place = createContext<string | undefined>(undefined)

/** Provides the name of the namespace or database for the browser's title. */
export const TitleContext = Place.Provider

interface PageProps {
  title: string
  /** Buttons next to the title. */
  actions?: ReactNode
  /** The purpose of the page, in 1 or 2 sentences. */
  lead?: ReactNode
  /** The list that contains the object of the page. */
  back?: { to: string; name: string }
  children: ReactNode
}

/** A page with its title, which also becomes the browser's title. */
export function Page({ title, actions, lead, back, children }: PageProps) {
  const place = useContext(Place)
  useEffect(() => {
    document.title = [title, ...(place === undefined || place === title ? [] : [place]), 'PerSQL'].join(' · ')
  }, [title, place])
  return (
    <div className="grid min-w-0 gap-6">
      <header className="flex flex-wrap items-start justify-between gap-3">
        <div className="grid min-w-0 gap-1 md:grow md:basis-80">
          {back && (
            <Link
              to={back.to}
              className="-mt-1 flex items-center gap-1.5 justify-self-start rounded-field text-sm text-muted hover:text-ink"
            >
              <ArrowLeft aria-hidden className="size-3.5" />
              {back.name}
            </Link>
          )}
          <h1 className="text-2xl font-semibold break-words">{title}</h1>
          {lead && <div className="max-w-2xl text-pretty text-muted">{lead}</div>}
        </div>
        {actions && <div className="flex flex-wrap items-center gap-2">{actions}</div>}
      </header>
      {children}
    </div>
  )
}

/** A framed section of a page, with its title. */
export const Card = ({ title, actions, children }: { title: string; actions?: ReactNode; children: ReactNode }) => (
  <section className="grid min-w-0 content-start gap-4 rounded-card border border-line bg-surface p-5">
    <div className="flex flex-wrap items-center justify-between gap-2">
      <h2 className="text-lg font-semibold">{title}</h2>
      {actions}
    </div>
    {children}
  </section>
)
