import { NavLink } from 'react-router'
import { classes } from './classes.ts'

interface TabsProps {
  /** What the tabs are of, for those who do not see. */
  label: string
  /** Address and name of each, in order. */
  tabs: readonly (readonly [to: string, name: string])[]
}

/** Pages of one thing side by side. Each has an address, so these are links, and the browser's own keys work. */
export const Tabs = ({ label, tabs }: TabsProps) => (
  <nav aria-label={label} className="-mx-4 overflow-x-auto border-b border-line px-4 sm:mx-0 sm:px-0">
    <ul className="flex gap-1">
      {tabs.map(([to, name]) => (
        <li key={to}>
          <NavLink
            to={to}
            className={({ isActive }) =>
              classes(
                'block border-b-2 px-3 py-2.5 whitespace-nowrap -outline-offset-2',
                isActive ? 'border-accent font-medium text-ink' : 'border-transparent text-muted hover:text-ink',
              )
            }
          >
            {name}
          </NavLink>
        </li>
      ))}
    </ul>
  </nav>
)
