import type { Insights } from '@persql/contract'
import { Link, useSearchParams } from 'react-router'
import { useApiQuery } from '../../../api/hooks.ts'
import { useCan } from '../../../shell/membership.ts'
import { useDatabase, useNamespace } from '../../../shell/paths.ts'
import { EmptyState } from '../../../ui/empty-state.tsx'
import { ErrorPanel } from '../../../ui/error-panel.tsx'
import { formatMs, formatNumber } from '../../../ui/format.ts'
import { Select } from '../../../ui/input.tsx'
import { Page } from '../../../ui/page.tsx'
import { SkeletonRows } from '../../../ui/skeleton.tsx'
import { Tile, Tiles } from '../../../ui/stat-tiles.tsx'
import { IndexAdviceCard } from './index-advice.tsx'
import { RecentTable } from './slow-statements-table.tsx'

const WINDOWS = [
  ['1', 'Last hour'],
  ['24', 'Last 24 hours'],
  ['168', 'Last 7 days'],
] as const
const KINDS = [
  ['all', 'Slow and failed'],
  ['slow', 'Slow only'],
  ['failed', 'Failed only'],
] as const

/** Statistics of statements: durations, failures and suggested indexes. */
export function InsightsPage() {
  const where = { ns: useNamespace(), db: useDatabase() }
  const mayLook = useCan('editor')
  const [search, setSearch] = useSearchParams()
  const hours = known(WINDOWS, search.get('hours'), '24')
  const show = known(KINDS, search.get('show'), 'all')
  const transactionId = search.get('transaction') ?? undefined
  const { data, error, refetch } = useApiQuery('GET /api/namespaces/{ns}/databases/{db}/insights', {
    ...where,
    hours: Number(hours),
    transactionId,
  })
  const set = (name: string, value: string) =>
    setSearch(
      (before) => {
        before.set(name, value)
        return before
      },
      { replace: true, preventScrollReset: true },
    )
  const recent = data?.recent.filter(({ status }) => show === 'all' || (status === 'error') === (show === 'failed'))
  return (
    <Page
      title="Insights"
      lead="Query durations, and statements that took more than 500 ms or failed."
      actions={
        <>
          <Choice label="Period" options={WINDOWS} value={hours} onChange={(value) => set('hours', value)} />
          <Choice label="Show" options={KINDS} value={show} onChange={(value) => set('show', value)} />
        </>
      }
    >
      {error && <ErrorPanel error={error} onRetry={refetch} />}
      <Summary summary={data?.summary} />
      {!data && !error && <SkeletonRows rows={5} label="Loading statements" />}
      {recent?.length === 0 && (
        <EmptyState title={transactionId ? 'No statements of this transaction' : 'No slow or failed statements'}>
          Statements that take more than 500 ms or fail appear here, with rows read and the reason, so you know what to
          fix first.
        </EmptyState>
      )}
      {transactionId && (
        <p className="text-sm">
          Statements of transaction <code className="font-mono break-all">{transactionId}</code>.{' '}
          <Link to={{ search: removeTransaction(search) }} className="underline">
            Show all transactions
          </Link>
        </p>
      )}
      {recent && recent.length > 0 && <RecentTable recent={recent} search={search} />}
      {mayLook && <IndexAdviceCard />}
    </Page>
  )
}

const known = (options: readonly (readonly [string, string])[], value: string | null, otherwise: string) =>
  options.some(([key]) => key === value) ? (value as string) : otherwise

function removeTransaction(search: URLSearchParams): string {
  const next = new URLSearchParams(search)
  next.delete('transaction')
  return `${next}`
}

interface ChoiceProps {
  label: string
  options: readonly (readonly [string, string])[]
  value: string
  onChange: (value: string) => void
}

const Choice = ({ label, options, value, onChange }: ChoiceProps) => (
  <Select aria-label={label} className="w-auto" value={value} onChange={({ target }) => onChange(target.value)}>
    {options.map(([key, name]) => (
      <option key={key} value={key}>
        {name}
      </option>
    ))}
  </Select>
)

function Summary({ summary }: { summary: Insights['summary'] | undefined }) {
  const parts = [
    ['p50', summary && formatMs(summary.p50DurationMs)],
    ['p95', summary && formatMs(summary.p95DurationMs)],
    ['p99', summary && formatMs(summary.p99DurationMs)],
    ['Max', summary && formatMs(summary.maxDurationMs)],
    ['Slow', summary && formatNumber(summary.slowCount)],
    ['Failed', summary && formatNumber(summary.errorCount)],
  ] as const
  return (
    <Tiles className="sm:grid-cols-3 lg:grid-cols-6">
      {parts.map(([name, value]) => (
        <Tile key={name} name={name}>
          {value}
        </Tile>
      ))}
    </Tiles>
  )
}
