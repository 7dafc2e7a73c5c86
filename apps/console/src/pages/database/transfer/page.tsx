import { useCan } from '../../../shell/membership.ts'
import { useDatabase, useNamespace } from '../../../shell/paths.ts'
import { Card, Page } from '../../../ui/page.tsx'
import { ExportCard } from './export-card.tsx'
import { ImportForm } from './import-form.tsx'
import { LastImport } from './last-import.tsx'

/** The page that imports and exports files. */
export function TransferPage() {
  const place = { ns: useNamespace(), db: useDatabase() }
  const mayImport = useCan('admin')
  return (
    <Page title="Import & export" lead="Import and export data in standard formats.">
      <ExportCard {...place} />
      <Card title="Import">
        <LastImport {...place} />
        {mayImport ? (
          <ImportForm {...place} />
        ) : (
          <p className="text-muted">
            You need the admin role to import. Ask a namespace admin or owner (Settings → Members).
          </p>
        )}
      </Card>
    </Page>
  )
}
