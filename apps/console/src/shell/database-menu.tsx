import { Plus } from 'lucide-react'
import { useNavigate } from 'react-router'
import { useApiQuery } from '../api/hooks.ts'
import { Switcher } from '../ui/switcher.tsx'
import { useCanInNamespace } from './membership.ts'
import { databasePath, namespacePath } from './paths.ts'

interface DatabaseMenuProps {
  ns: string
  db: string
  /** The current page. The menu opens the same page of another database. */
  page: string | undefined
  isWide?: boolean
}

/** The menu that shows the current database and switches to another one of the namespace. */
export function DatabaseMenu({ ns, db, page, isWide = false }: DatabaseMenuProps) {
  const navigate = useNavigate()
  const mayMake = useCanInNamespace('editor')
  const { data = [] } = useApiQuery('GET /api/namespaces/{ns}/databases', { ns })
  return (
    <Switcher
      kind="database"
      current={db}
      isWide={isWide}
      label="Find a database"
      none="No matching databases."
      choices={[
        ...data.map(({ slug, branchRef, forkedFrom }) => ({
          id: slug,
          name: slug,
          group: 'Databases',
          hint: branchRef === null ? undefined : `branch of ${forkedFrom?.slug}`,
          isCurrent: slug === db,
          choose: () => navigate(databasePath(ns, slug, ...(page === undefined ? [] : [page]))),
        })),
        ...(mayMake
          ? [
              {
                id: '+',
                name: 'New database',
                icon: Plus,
                isAlways: true,
                choose: () => navigate(`${namespacePath(ns)}?new=`),
              },
            ]
          : []),
      ]}
    />
  )
}
