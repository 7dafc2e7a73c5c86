import { Ellipsis } from 'lucide-react'
import type { ReactNode } from 'react'
import { Button } from './button.tsx'
import { Menu } from './menu.tsx'

/** The menu with the actions for a table row. */
export const RowMenu = ({ of, children }: { of: string; children: ReactNode }) => (
  <Menu
    trigger={
      <Button look="quiet" size="icon" aria-label={`Actions for ${of}`}>
        <Ellipsis aria-hidden className="size-4" />
      </Button>
    }
  >
    {children}
  </Menu>
)
