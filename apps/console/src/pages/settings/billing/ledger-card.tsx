import type { Api, Output } from '@persql/contract'
import { Download } from 'lucide-react'
import { useState } from 'react'
import { useNamespace } from '../../../shell/address.ts'
import { Button } from '../../../ui/button.tsx'
import { download } from '../../../ui/download.ts'
import { formatMoment, formatUsd } from '../../../ui/format.ts'
import { Card } from '../../../ui/page.tsx'
import { SkeletonRows } from '../../../ui/skeleton.tsx'
import { Table } from '../../../ui/table.tsx'
import { ledgerCsv } from './csv.ts'

type Entry = Output<Api['get_billing']>['ledger'][number]

const KINDS: Readonly<Record<Entry['kind'], string>> = {
  welcome_credit: 'Welcome credit',
  topup: 'Added funds',
  usage: 'Usage of a day',
  adjustment: 'Adjustment',
  refund: 'Refund',
  dispute: 'Dispute',
}
const FIRST = 20

/** Every entry that changed the balance, the newest first, and all of them as a file. */
export function LedgerCard({ ledger }: { ledger: readonly Entry[] | undefined }) {
  const ns = useNamespace()
  const [isWhole, setWhole] = useState(false)
  const rows = isWhole ? ledger : ledger?.slice(0, FIRST)
  const save = () => ledger && download(`${ns}-ledger.csv`, 'text/csv', ledgerCsv(ledger))
  return (
    <Card
      title="Ledger"
      actions={
        <Button size="small" disabled={!ledger} onClick={save}>
          <Download aria-hidden className="size-3.5" />
          Save as CSV
        </Button>
      }
    >
      <p className="text-muted">
        Usage of a day becomes one entry when the day is over (UTC); the balance above has it at once.
      </p>
      {!rows && <SkeletonRows label="Loading the ledger" />}
      {rows?.length === 0 && <p className="text-muted">Nothing yet: the first entry comes with the first funds.</p>}
      {rows && rows.length > 0 && (
        <Table
          label="Ledger"
          rows={rows}
          keyOf={({ id }) => id}
          columns={[
            { name: 'What', cell: ({ kind }) => KINDS[kind] },
            { name: 'Amount', isNumber: true, cell: ({ amountUsd }) => formatUsd(amountUsd) },
            { name: 'Balance', isNumber: true, cell: ({ balanceUsd }) => formatUsd(balanceUsd) },
            { name: 'When', isExtra: true, cell: ({ at }) => <time dateTime={at}>{formatMoment(at)}</time> },
            {
              name: 'Reference',
              isExtra: true,
              cell: ({ ref }) => <span className="font-mono text-sm wrap-anywhere">{ref}</span>,
            },
          ]}
        />
      )}
      {ledger && ledger.length > FIRST && !isWhole && (
        <div>
          <Button onClick={() => setWhole(true)}>Show all {ledger.length}</Button>
        </div>
      )}
    </Card>
  )
}
