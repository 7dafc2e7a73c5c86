import { useNavigate } from 'react-router'
import { useApiQuery } from '../api/hooks.ts'
import { FinderDialog } from '../ui/combobox-dialog.tsx'
import { chooseTheme } from '../ui/theme.ts'
import { listCommands } from './command-palette-items.ts'
import type { AppLocation } from './location.ts'
import { useCan, useMemberships } from './membership.ts'
import { signOut } from './sign-in.ts'
import type { Tabs } from './tab.ts'

interface PaletteProps {
  place: AppLocation
  tabs: Tabs
  open: boolean
  onOpenChange: (open: boolean) => void
  showKeys: () => void
}

/** A search over all pages, tables, databases, namespaces and actions. */
export function CommandPalette({ place, tabs, open, onOpenChange, showKeys }: PaletteProps) {
  const { ns, db = '' } = place
  const navigate = useNavigate()
  const may = { edit: useCan('editor'), administer: useCan('admin') }
  const namespaces = useMemberships().data
  const databases = useApiQuery('GET /api/namespaces/{ns}/databases', { ns }, { enabled: open }).data
  const schema = useApiQuery(
    'GET /api/namespaces/{ns}/databases/{db}/schema',
    { ns, db },
    { enabled: open && db !== '' },
  )
  return (
    <FinderDialog
      open={open}
      onOpenChange={onOpenChange}
      title="Command palette"
      label="Search pages, databases and actions"
      none="No results. Try another word."
      choices={listCommands({
        place,
        tabs,
        tables: db === '' ? [] : (schema.data?.tables.map(({ name }) => name) ?? []),
        views: db === '' ? [] : (schema.data?.views.map(({ name }) => name) ?? []),
        databases: databases?.map(({ slug }) => slug) ?? [],
        namespaces: namespaces?.map(({ slug }) => slug) ?? [],
        may,
        go: navigate,
        setTheme: chooseTheme,
        showKeys,
        signOut: () => void signOut(),
      })}
    />
  )
}
