import { PerSQLError } from '@persql/sdk'
import { type FormEvent, useState } from 'react'
import { useDo } from '../../../api/hooks.ts'
import { useNamespace } from '../../../shell/address.ts'
import { Button } from '../../../ui/button.tsx'
import { CodeBlock } from '../../../ui/code-block.tsx'
import { ErrorPanel } from '../../../ui/error-panel.tsx'
import { Field } from '../../../ui/field.tsx'
import { Input } from '../../../ui/input.tsx'
import { Card } from '../../../ui/page.tsx'

const AMOUNTS = [10, 25, 50, 100]

/** Leads to the payment page of Stripe, or tells how the balance is filled where there is none. */
export function AddFunds() {
  const ns = useNamespace()
  const [amount, setAmount] = useState('25')
  const { mutateAsync, isPending, error } = useDo('POST /api/namespaces/{ns}/billing/topup')
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
        <Field label="Amount in dollars" hint="$5 to $10,000, paid once, on a page of Stripe's.">
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
            Go to payment
          </Button>
        </div>
      </form>
      {error && !hasNoPayments && <ErrorPanel error={error} />}
      {hasNoPayments && <NoPayments ns={ns} />}
    </Card>
  )
}

/** What whoever runs the instance can do about it. */
const NoPayments = ({ ns }: { ns: string }) => (
  <div role="alert" className="grid min-w-0 gap-3 rounded-card bg-warning-soft p-4">
    <p className="font-medium">This instance takes no payments yet.</p>
    <p>
      Whoever runs it sets <code className="font-mono text-sm">STRIPE_SECRET_KEY</code> and{' '}
      <code className="font-mono text-sm">STRIPE_WEBHOOK_SECRET</code> and starts it again, or gives credit:
    </p>
    <CodeBlock
      label="Credit, as the operator"
      code={[
        `curl '${location.origin}/api/operator/namespaces/${ns}/credit' \\`,
        '  -H "Authorization: Bearer $PERSQL_SECRET" \\',
        "  -H 'Content-Type: application/json' \\",
        `  -d '{"amountUsd": 25, "ref": "${ns}-1"}'`,
      ].join('\n')}
    />
  </div>
)
