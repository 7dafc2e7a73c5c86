import { ChevronsUpDown, Plus } from 'lucide-react'
import { useState } from 'react'
import { useNavigate } from 'react-router'
import { Button } from '../ui/button.tsx'
import { Menu, MenuChoice, MenuItem, MenuLine } from '../ui/menu.tsx'
import { namespacePath, useNamespace } from './address.ts'
import { useMemberships } from './membership.ts'
import { NewNamespace } from './new-namespace.tsx'

/** Which namespace one is in, and the way to the others. */
export function NamespaceMenu() {
  const ns = useNamespace()
  const navigate = useNavigate()
  const { data = [] } = useMemberships()
  const [isMaking, setMaking] = useState(false)
  return (
    <>
      <Menu
        trigger={
          <Button className="w-full" align="between" aria-label={`Namespace ${ns}: change`}>
            <span className="truncate">{ns}</span>
            <ChevronsUpDown aria-hidden className="size-4 text-muted" />
          </Button>
        }
      >
        <MenuChoice
          label="Namespaces"
          value={ns}
          options={data.map(({ slug }) => [slug, slug])}
          onChange={(slug) => navigate(namespacePath(slug))}
        />
        <MenuLine />
        <MenuItem onSelect={() => setMaking(true)}>
          <Plus aria-hidden className="size-4" />
          New namespace
        </MenuItem>
      </Menu>
      <NewNamespace open={isMaking} onOpenChange={setMaking} />
    </>
  )
}
