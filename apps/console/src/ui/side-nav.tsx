import type { LucideIcon } from 'lucide-react'
import { useId } from 'react'
import { NavLink } from 'react-router'
import { classes } from './class-names.ts'

/** A link to a page. */
export interface SideLink {
  to: string
  name: string
  icon: LucideIcon
  /** Whether only the exact path is the current page, not the paths below it. */
  isExact?: boolean
}

/** A group of pages. The first group often has no name. */
export interface SideGroup {
  name?: string
  links: readonly SideLink[]
}

/** The grouped links of the side navigation. */
export const SideNav = ({ label, groups }: { label: string; groups: readonly SideGroup[] }) => (
  <nav aria-label={label} className="grid content-start gap-4">
    {groups.map((group) => (
      <Group key={group.name ?? ''} {...group} />
    ))}
  </nav>
)

function Group({ name, links }: SideGroup) {
  const id = useId()
  return (
    <div>
      {name !== undefined && (
        <p id={id} className="px-2.5 pb-1 text-xs font-medium text-muted">
          {name}
        </p>
      )}
      <ul aria-labelledby={name === undefined ? undefined : id} className="grid gap-px">
        {links.map((link) => (
          <li key={link.to}>
            <Item {...link} />
          </li>
        ))}
      </ul>
    </div>
  )
}

const Item = ({ to, name, icon: Icon, isExact = false }: SideLink) => (
  <NavLink
    to={to}
    end={isExact}
    className={({ isActive }) =>
      classes(
        'group flex items-center gap-2.5 rounded-field px-2.5 py-2 -outline-offset-2 md:py-1 md:text-sm',
        isActive ? 'bg-accent-soft font-medium text-accent-strong' : 'text-ink hover:bg-sunken',
      )
    }
  >
    <Icon aria-hidden className="size-4 shrink-0 text-muted group-aria-[current=page]:text-accent-strong" />
    {name}
  </NavLink>
)
