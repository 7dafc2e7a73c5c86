import { Link, useSearchParams } from 'react-router'
import { useApiQuery } from '../../../api/hooks.ts'
import { useNamespace } from '../../../shell/paths.ts'
import { RequireRole } from '../../../shell/require-role.tsx'
import { entryIn } from '../../../shell/use-query-param.ts'
import { Button } from '../../../ui/button.tsx'
import { EmptyState } from '../../../ui/empty-state.tsx'
import { ErrorPanel } from '../../../ui/error-panel.tsx'
import { Field } from '../../../ui/field.tsx'
import { Select } from '../../../ui/input.tsx'
import { Page } from '../../../ui/page.tsx'
import { SkeletonRows } from '../../../ui/skeleton.tsx'
import { AuditTable } from './audit-table.tsx'
import { SUBJECTS } from './categories.ts'

const PAGE = 50

/** The audit log. The URL stores the filter and the page. */
export const AuditPage = () => (
  <Page title="Audit log" lead="Who did what, newest first. Entries are kept forever. Times are in your time zone.">
    <RequireRole least="admin" what="The audit log shows who did what in the namespace.">
      <Log />
    </RequireRole>
  </Page>
)

function Log() {
  const ns = useNamespace()
  const [search, setSearch] = useSearchParams()
  const action = search.get('action') ?? ''
  const before = entryIn(search.get('before'))
  // One entry more than a page, to detect older entries.
  const { data, error, refetch } = useApiQuery('GET /api/namespaces/{ns}/audit', {
    ns,
    limit: PAGE + 1,
    ...(before && { before }),
    ...(action && { action }),
  })
  const members = useApiQuery('GET /api/namespaces/{ns}/members', { ns })
  const tokens = useApiQuery('GET /api/namespaces/{ns}/tokens', { ns })
  const names = new Map([
    ...(members.data ?? []).map(({ userId, email }) => [userId, email] as const),
    ...(tokens.data ?? []).map(({ id, name }) => [id, name] as const),
  ])
  const isNamed = !(members.isLoading || tokens.isLoading)
  const entries = isNamed ? data?.slice(0, PAGE) : undefined
  const last = entries?.at(-1)
  const olderAt = data && data.length > PAGE && last ? last.id : undefined
  const address = (next: number | undefined) =>
    `?${new URLSearchParams({ ...(action && { action }), ...(next && { before: String(next) }) })}`
  return (
    <>
      <div className="max-w-xs">
        <Field label="Category">
          {(control) => (
            <Select
              {...control}
              value={action}
              onChange={({ target }) => setSearch(target.value ? { action: target.value } : {})}
            >
              {SUBJECTS.map(([value, name]) => (
                <option key={value} value={value}>
                  {name}
                </option>
              ))}
              {!SUBJECTS.some(([value]) => value === action) && <option value={action}>{action}</option>}
            </Select>
          )}
        </Field>
      </div>
      {error && <ErrorPanel error={error} onRetry={refetch} />}
      {!entries && !error && <SkeletonRows rows={10} label="Loading audit log" />}
      {entries?.length === 0 && (
        <EmptyState title={before ? 'No older entries' : 'No entries in this category'}>
          Changes to the namespace are logged here: databases, tokens, members, endpoints, migrations and restores.
          Queries are logged in the table <code className="font-mono">_persql_query_log</code> of each database.
        </EmptyState>
      )}
      {entries && entries.length > 0 && <AuditTable entries={entries} names={names} />}
      <nav aria-label="Audit log pages" className="flex flex-wrap justify-between gap-2">
        {before ? (
          <Button asChild>
            <Link to={address(undefined)}>Newest</Link>
          </Button>
        ) : (
          <span />
        )}
        {olderAt && (
          <Button asChild>
            <Link to={address(olderAt)}>Older</Link>
          </Button>
        )}
      </nav>
    </>
  )
}
