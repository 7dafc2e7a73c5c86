import { Link } from 'react-router'
import { useBilling } from './billing.ts'
import { useEmptyBalance } from './empty-balance.ts'
import { useCan } from './membership.ts'
import { namespacePath } from './paths.ts'

/** After a `402`, a balance of up to this amount counts as empty: it may not cover a call. */
const NEXT_TO_NOTHING_USD = 0.01

/** Shows that the balance is empty: to owners as soon as it is, to others after a call was refused because of it. */
export function BalanceBanner({ ns }: { ns: string }) {
  const isOwner = useCan('owner')
  const wasRefused = useEmptyBalance()
  const balance = useBilling(ns, { enabled: isOwner }).data?.balanceUsd
  const isEmpty = balance === undefined ? wasRefused : balance <= (wasRefused ? NEXT_TO_NOTHING_USD : 0)
  if (!isEmpty) return null
  return (
    <p role="alert" className="border-b border-warning/40 bg-warning-soft px-4 py-2.5 text-center font-medium">
      Your balance is empty.{' '}
      {isOwner ? (
        <Link className="underline" to={namespacePath(ns, 'settings', 'billing')}>
          Add funds
        </Link>
      ) : (
        'Ask an owner to add funds'
      )}
      . Your data is kept.
    </p>
  )
}
