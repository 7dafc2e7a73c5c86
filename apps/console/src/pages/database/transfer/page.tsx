import { useDatabase, useNamespace } from '../../../shell/address.ts'
import { useMay } from '../../../shell/membership.ts'
import { Card, Page } from '../../../ui/page.tsx'
import { ExportCard } from './export-card.tsx'
import { ImportForm } from './import-form.tsx'
import { LastImport } from './last-import.tsx'

/** Brings files into a database, and gives it out as files. */
export function TransferPage() {
  const place = { ns: useNamespace(), db: useDatabase() }
  const mayImport = useMay('admin')
  return (
    <Page title="Import and export" lead="Your data in the formats everything reads. No lock-in in either direction.">
      <ExportCard {...place} />
      <Card title="Import">
        <LastImport {...place} />
        {mayImport ? (
          <ImportForm {...place} />
        ) : (
          <p className="text-muted">
            Importing needs the role admin. Ask an admin or owner of the namespace (Settings → Members).
          </p>
        )}
      </Card>
    </Page>
  )
}
