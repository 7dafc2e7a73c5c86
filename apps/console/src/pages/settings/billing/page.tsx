import { useSearchParams } from 'react-router'
import { useApiQuery } from '../../../api/hooks.ts'
import { useBilling } from '../../../shell/billing.ts'
import { useMembership } from '../../../shell/membership.ts'
import { useNamespace } from '../../../shell/paths.ts'
import { RequireRole } from '../../../shell/require-role.tsx'
import { NO_CREDIT } from '../../../shell/welcome-credit.ts'
import { Button } from '../../../ui/button.tsx'
import { ErrorPanel } from '../../../ui/error-panel.tsx'
import { formatMoment, formatUsd } from '../../../ui/format.ts'
import { Card, Page } from '../../../ui/page.tsx'
import { Skeleton } from '../../../ui/skeleton.tsx'
import { AddFunds } from './add-funds.tsx'
import { LedgerCard } from './ledger-card.tsx'
import { forecast, lastDays, spendByDay } from './spend.ts'
import { SpendCard } from './spend-card.tsx'
import { Transfer } from './transfer.tsx'

const PAYMENT_POLL_MS = 2000

/** The balance, the spend, the forecast and the form to add funds. */
export const BillingPage = () => (
  <Page title="Billing" lead="Prepaid. When the balance runs out, requests are refused; your data is kept.">
    <RequireRole least="owner" what="Only owners can see the balance and add funds.">
      <Billing />
    </RequireRole>
  </Page>
)

function Billing() {
  const ns = useNamespace()
  const since = useMembership()?.createdAt
  const [search, setSearch] = useSearchParams()
  const paid = search.get('paid')
  const billing = useBilling(ns, { refetchInterval: paid ? PAYMENT_POLL_MS : false })
  const nowMs = Date.now()
  const days = lastDays(30, nowMs)
  const [from = '', to = ''] = [days[0], days.at(-1)]
  const usage = useApiQuery('GET /api/namespaces/{ns}/usage', { ns, from, to })
  const { data } = billing
  const isPaid = paid !== null && data?.ledger.some(({ detail }) => findTopUp(detail) === paid)
  const spent = usage.data && spendByDay(days, usage.data)
  const outlook = data && spent && forecast(data.balanceUsd, spent, since ? Date.parse(since) : 0, nowMs)
  return (
    <>
      {paid !== null && (
        <div
          role="status"
          className="flex flex-wrap items-center justify-between gap-2 rounded-card bg-success-soft p-4"
        >
          {isPaid
            ? 'Payment received and added to your balance.'
            : 'Payment received. Your balance updates once the payment is confirmed, usually within a minute…'}
          <Button size="small" onClick={() => setSearch({}, { replace: true })}>
            Dismiss
          </Button>
        </div>
      )}
      {billing.error && <ErrorPanel error={billing.error} onRetry={billing.refetch} />}
      <div className="grid gap-6 lg:grid-cols-2">
        <Card title="Balance" actions={data && <Transfer transferableUsd={data.transferableUsd} />}>
          <p className="text-3xl font-semibold tabular-nums">
            {data ? formatUsd(data.balanceUsd) : <Skeleton className="h-9 w-28" />}
          </p>
          <p className="min-h-12 text-muted">
            {!outlook ? (
              <Skeleton className="h-12 w-full" />
            ) : data.balanceUsd <= 0 ? (
              'Your balance is empty. Requests are refused until you add funds. Your data is kept, and its storage is still billed.'
            ) : outlook.emptyAt ? (
              <>
                At {formatUsd(outlook.perDayUsd)} a day (7-day average), your balance lasts until about{' '}
                <time dateTime={outlook.emptyAt}>{formatMoment(outlook.emptyAt)}</time>.
              </>
            ) : (
              'At your 7-day average, your balance lasts more than 10 years.'
            )}
          </p>
          {data?.welcomeCredit.reason && <p className="text-muted">{NO_CREDIT[data.welcomeCredit.reason]}</p>}
        </Card>
        <AddFunds />
      </div>
      {usage.error && <ErrorPanel error={usage.error} onRetry={usage.refetch} />}
      {!usage.error && <SpendCard days={spent} spend={usage.data?.spend} />}
      {!billing.error && <LedgerCard />}
    </>
  )
}

/** Returns the top-up ID of a ledger entry. */
const findTopUp = (detail: unknown) =>
  typeof detail === 'object' && detail !== null && 'topup' in detail ? detail.topup : undefined
