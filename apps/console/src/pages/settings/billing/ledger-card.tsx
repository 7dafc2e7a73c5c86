import { useMutation } from '@tanstack/react-query'
import { Download } from 'lucide-react'
import { Link, useSearchParams } from 'react-router'
import { LEDGER_PAGE, useBilling } from '../../../shell/billing.ts'
import { useNamespace } from '../../../shell/paths.ts'
import { entryIn } from '../../../shell/use-query-param.ts'
import { Button } from '../../../ui/button.tsx'
import { download } from '../../../ui/download-file.ts'
import { ErrorPanel } from '../../../ui/error-panel.tsx'
import { formatMoment, formatUsd } from '../../../ui/format.ts'
import { Card } from '../../../ui/page.tsx'
import { SkeletonRows } from '../../../ui/skeleton.tsx'
import { Table } from '../../../ui/table.tsx'
import { ledgerCsv } from './csv.ts'
import { type Entry, wholeLedger } from './ledger.ts'

const KINDS: Readonly<Record<Entry['kind'], string>> = {
  welcome_credit: 'Welcome credit',
  topup: 'Top-up',
  usage: 'Daily usage',
  adjustment: 'Adjustment',
  refund: 'Refund',
  dispute: 'Dispute',
  transfer: 'Transfer',
  restore_adjustment: 'Restore from a backup',
}

/** The ledger in pages, newest first, with a download of all entries. */
export function LedgerCard() {
  const ns = useNamespace()
  const before = entryIn(useSearchParams()[0].get('before'))
  const { data, error, refetch } = useBilling(ns, { before })
  const save = useMutation({
    mutationFn: async () => download(`${ns}-ledger.csv`, 'text/csv', ledgerCsv(await wholeLedger(ns))),
  })
  const rows = data?.ledger.slice(0, LEDGER_PAGE)
  const olderAt = data && data.ledger.length > LEDGER_PAGE ? rows?.at(-1)?.id : undefined
  return (
    <Card
      title="Ledger"
      actions={
        <Button size="small" busy={save.isPending} onClick={() => save.mutate()}>
          <Download aria-hidden className="size-3.5" />
          Download CSV
        </Button>
      }
    >
      <p className="text-muted">
        Usage is added as one entry per UTC day, when the day ends. The balance above already includes today's usage.
        The CSV contains all entries.
      </p>
      {save.error && <ErrorPanel error={save.error} />}
      {error && <ErrorPanel error={error} onRetry={refetch} />}
      {!rows && !error && <SkeletonRows rows={before ? LEDGER_PAGE : 3} label="Loading ledger" />}
      {rows?.length === 0 && (
        <p className="text-muted">
          {before ? 'No older entries.' : 'No entries yet. The first top-up will appear here.'}
        </p>
      )}
      {rows && rows.length > 0 && (
        <Table
          label="Ledger"
          rows={rows}
          getKey={({ id }) => id}
          columns={[
            { name: 'Type', cell: ({ kind }) => <span className="whitespace-nowrap">{KINDS[kind]}</span> },
            { name: 'Amount', isNumber: true, cell: ({ amountUsd }) => formatUsd(amountUsd) },
            { name: 'Balance', isNumber: true, cell: ({ balanceUsd }) => formatUsd(balanceUsd) },
            { name: 'Date', isExtra: true, cell: ({ at }) => <time dateTime={at}>{formatMoment(at)}</time> },
            {
              name: 'Reference',
              isExtra: true,
              cell: ({ ref }) => <span className="font-mono text-sm wrap-anywhere">{ref}</span>,
            },
          ]}
        />
      )}
      {(before || olderAt) && <Pages before={before} olderAt={olderAt} />}
    </Card>
  )
}

/** Links to the newest and to older entries. They keep the scroll position. */
const Pages = ({ before, olderAt }: { before: number | undefined; olderAt: number | undefined }) => (
  <nav aria-label="Ledger pages" className="flex flex-wrap justify-between gap-2">
    {before ? (
      <Button asChild>
        <Link to="?" preventScrollReset>
          Newest
        </Link>
      </Button>
    ) : (
      <span />
    )}
    {olderAt && (
      <Button asChild>
        <Link to={`?before=${olderAt}`} preventScrollReset>
          Older
        </Link>
      </Button>
    )}
  </nav>
)
