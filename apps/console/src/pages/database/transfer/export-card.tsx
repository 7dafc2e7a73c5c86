import { Download } from 'lucide-react'
import { useApiQuery } from '../../../api/hooks.ts'
import { useQueryParam } from '../../../shell/use-query-param.ts'
import { Button } from '../../../ui/button.tsx'
import { ErrorPanel } from '../../../ui/error-panel.tsx'
import { Field } from '../../../ui/field.tsx'
import { Select } from '../../../ui/input.tsx'
import { Card } from '../../../ui/page.tsx'

interface Place {
  ns: string
  db: string
}

/** Returns the URL path of a download. The session cookie authenticates it. */
const exportPath = ({ ns, db }: Place, query: Record<string, string>) =>
  `/api/namespaces/${ns}/databases/${db}/export?${new URLSearchParams(query)}`

/** Downloads of the whole database or of one table. */
export function ExportCard(place: Place) {
  const [asked, ask] = useQueryParam('table')
  const { data, error, refetch } = useApiQuery('GET /api/namespaces/{ns}/databases/{db}/tables', place)
  const names = data?.map(({ name }) => name) ?? []
  const table = names.find((name) => name === asked) ?? names[0]
  return (
    <Card title="Export">
      <div className="flex flex-wrap gap-2">
        <DownloadButton href={exportPath(place, { format: 'sql' })} name="SQL dump" />
        <DownloadButton href={exportPath(place, { format: 'sqlite' })} name="SQLite file" />
      </div>
      {error && <ErrorPanel error={error} onRetry={refetch} />}
      <div className="flex min-h-16 flex-wrap items-end gap-2">
        <div className="w-full sm:w-64">
          <Field label="Table to export">
            {(control) => (
              <Select
                {...control}
                value={table ?? ''}
                onChange={({ target }) => ask(target.value)}
                disabled={table === undefined}
              >
                {table === undefined && (
                  <option value="">{data ? 'No tables yet' : error ? 'Not available' : 'Loading…'}</option>
                )}
                {names.map((name) => (
                  <option key={name}>{name}</option>
                ))}
              </Select>
            )}
          </Field>
        </div>
        {(['csv', 'ndjson'] as const).map((format) => (
          <DownloadButton
            key={format}
            href={table === undefined ? undefined : exportPath(place, { format, table })}
            name={format.toUpperCase()}
          />
        ))}
      </div>
    </Card>
  )
}

function DownloadButton({ href, name }: { href: string | undefined; name: string }) {
  const content = (
    <>
      <Download aria-hidden className="size-4" />
      {name}
    </>
  )
  if (href === undefined) return <Button disabled>{content}</Button>
  return (
    <Button asChild>
      <a href={href} download>
        {content}
      </a>
    </Button>
  )
}
