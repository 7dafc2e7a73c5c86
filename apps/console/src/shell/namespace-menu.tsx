import { Plus } from 'lucide-react'
import { useState } from 'react'
import { useNavigate } from 'react-router'
import { Switcher } from '../ui/switcher.tsx'
import { useMemberships } from './membership.ts'
import { NewNamespace } from './new-namespace.tsx'
import { namespacePath, useNamespace } from './paths.ts'

/** The menu that shows the current namespace and switches to another one. */
export function NamespaceMenu({ isWide = false }: { isWide?: boolean }) {
  const ns = useNamespace()
  const navigate = useNavigate()
  const { data = [] } = useMemberships()
  const [isMaking, setMaking] = useState(false)
  return (
    <>
      <Switcher
        kind="namespace"
        current={ns}
        isWide={isWide}
        label="Find a namespace"
        none="No matching namespaces."
        choices={[
          ...data.map(({ slug, role }) => ({
            id: slug,
            name: slug,
            group: 'Namespaces',
            hint: role,
            isCurrent: slug === ns,
            choose: () => navigate(namespacePath(slug)),
          })),
          { id: '+', name: 'New namespace', icon: Plus, isAlways: true, choose: () => setMaking(true) },
        ]}
      />
      <NewNamespace open={isMaking} onOpenChange={setMaking} />
    </>
  )
}
