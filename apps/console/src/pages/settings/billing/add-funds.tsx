import { PerSQLError } from '@persql/sdk'
import { type FormEvent, useState } from 'react'
import { useApiMutation } from '../../../api/hooks.ts'
import { useNamespace } from '../../../shell/paths.ts'
import { Button } from '../../../ui/button.tsx'
import { CodeBlock } from '../../../ui/code-block.tsx'
import { ErrorPanel } from '../../../ui/error-panel.tsx'
import { Field } from '../../../ui/field.tsx'
import { Input } from '../../../ui/input.tsx'
import { Card } from '../../../ui/page.tsx'

const AMOUNTS = [10, 25, 50, 100]

/** Opens Stripe's payment page, or explains how to add credit on an instance without payments. */
export function AddFunds() {
  const ns = useNamespace()
  const [amount, setAmount] = useState('25')
  const { mutateAsync, isPending, error } = useApiMutation('POST /api/namespaces/{ns}/billing/topup')
  const [isLeaving, setLeaving] = useState(false)
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    const page = await mutateAsync({ ns, amountUsd: Number(amount) }).catch(() => undefined)
    if (!page) return
    setLeaving(true)
    location.assign(page.url)
  }
  const hasNoPayments = error instanceof PerSQLError && error.code === 'payments_unavailable'
  return (
    <Card title="Add funds">
      <form onSubmit={submit} className="grid gap-3">
        <Field label="Amount (USD)" hint="$5 to $10,000. One-time payment via Stripe.">
          {(control) => (
            <Input
              {...control}
              type="number"
              inputMode="decimal"
              min={5}
              max={10_000}
              step={0.01}
              required
              value={amount}
              onChange={({ target }) => setAmount(target.value)}
            />
          )}
        </Field>
        <div className="flex flex-wrap gap-2">
          {AMOUNTS.map((one) => (
            <Button
              key={one}
              size="small"
              className="aria-pressed:border-accent"
              aria-pressed={amount === String(one)}
              onClick={() => setAmount(String(one))}
            >
              ${one}
            </Button>
          ))}
        </div>
        <div>
          <Button type="submit" look="primary" busy={isPending || isLeaving}>
            Continue to payment
          </Button>
        </div>
      </form>
      {error && !hasNoPayments && <ErrorPanel error={error} />}
      {hasNoPayments && <NoPayments ns={ns} />}
    </Card>
  )
}

/**
 * Explains how the operator sets up payments or adds credit. Accounts have no operator flag (the operator's credential is
 * the secret of the instance), so the command is collapsed rather than hidden.
 */
const NoPayments = ({ ns }: { ns: string }) => (
  <div role="alert" className="grid min-w-0 gap-3 rounded-card bg-warning-soft p-4">
    <p className="font-medium">Payments aren't set up on this instance.</p>
    <p>
      The operator can set <code className="font-mono text-sm">STRIPE_SECRET_KEY</code> and{' '}
      <code className="font-mono text-sm">STRIPE_WEBHOOK_SECRET</code> and restart the server.
    </p>
    <details className="grid gap-2">
      <summary className="w-fit cursor-pointer text-accent">Add funds as the operator</summary>
      <p className="my-2">
        Requires the operator secret in PERSQL_SECRET. A second call with the same{' '}
        <code className="font-mono text-sm">ref</code> adds nothing, so use a new one for each credit.
      </p>
      <CodeBlock
        label="Add funds (operator)"
        code={[
          `curl '${location.origin}/api/operator/namespaces/${ns}/credit' \\`,
          '  -H "Authorization: Bearer $PERSQL_SECRET" \\',
          "  -H 'Content-Type: application/json' \\",
          `  -d '{"amountUsd": 25, "note": "Top-up", "ref": "${ns}-1"}'`,
        ].join('\n')}
      />
    </details>
  </div>
)
