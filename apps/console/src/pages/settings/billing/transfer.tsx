import { useMutation } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { callWithMeta } from '../../../api/client.ts'
import { queryClient } from '../../../api/query-client.ts'
import { useMemberships } from '../../../shell/membership.ts'
import { useNamespace } from '../../../shell/paths.ts'
import { Button } from '../../../ui/button.tsx'
import { Dialog, DialogActions } from '../../../ui/dialog.tsx'
import { ErrorPanel } from '../../../ui/error-panel.tsx'
import { Field } from '../../../ui/field.tsx'
import { formatUsd } from '../../../ui/format.ts'
import { Input, Select } from '../../../ui/input.tsx'
import { toast } from '../../../ui/toast.tsx'

/** A button that moves balance to another namespace of the owner. Hidden without another namespace. */
export function Transfer({ transferableUsd }: { transferableUsd: number }) {
  const ns = useNamespace()
  const [isOpen, setOpen] = useState(false)
  const others = useMemberships().data?.filter(
    ({ slug, role, status }) => slug !== ns && role === 'owner' && status === 'active',
  )
  if (!others || others.length === 0) return null
  return (
    <>
      <Button size="small" onClick={() => setOpen(true)}>
        Transfer balance
      </Button>
      <Dialog
        open={isOpen}
        onOpenChange={setOpen}
        title="Transfer balance"
        description={`${formatUsd(transferableUsd)} can be transferred. Welcome credit stays in this namespace.`}
      >
        <TransferForm slugs={others.map(({ slug }) => slug)} max={transferableUsd} close={() => setOpen(false)} />
      </Dialog>
    </>
  )
}

/** The form of one transfer. Its key makes repeated attempts move the amount once. */
function TransferForm({ slugs, max, close }: { slugs: readonly string[]; max: number; close: () => void }) {
  const ns = useNamespace()
  const [to, setTo] = useState(slugs[0] ?? '')
  const [amount, setAmount] = useState('')
  const { mutateAsync, isPending, error } = useMutation({
    mutationFn: ({ key, ...input }: { to: string; amountUsd: number; key: string }) =>
      callWithMeta('POST /api/namespaces/{ns}/billing/transfer', { ns, ...input }, undefined, key),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: ['GET /api/namespaces/{ns}/billing'] }),
  })
  const [id] = useState(() => crypto.randomUUID())
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    const sent = await mutateAsync({ to, amountUsd: Number(amount), key: `${id}:${to}:${amount}` }).catch(
      () => undefined,
    )
    if (!sent) return
    const { amountUsd, status } = sent.data
    toast(describe(status, formatUsd(amountUsd), to))
    close()
  }
  return (
    <form onSubmit={submit} className="grid gap-4">
      <Field label="To" hint="Namespaces that you own.">
        {(control) => (
          <Select {...control} value={to} onChange={({ target }) => setTo(target.value)}>
            {slugs.map((slug) => (
              <option key={slug}>{slug}</option>
            ))}
          </Select>
        )}
      </Field>
      <Field label="Amount (USD)">
        {(control) => (
          <Input
            {...control}
            type="number"
            inputMode="decimal"
            min={0}
            max={max}
            step="any"
            required
            value={amount}
            onChange={({ target }) => setAmount(target.value)}
          />
        )}
      </Field>
      {error && <ErrorPanel error={error} />}
      <DialogActions>
        <Button onClick={close}>Cancel</Button>
        <Button type="submit" look="primary" busy={isPending}>
          Transfer
        </Button>
      </DialogActions>
    </form>
  )
}

function describe(status: 'pending' | 'completed' | 'returned', amount: string, to: string): string {
  if (status === 'completed') return `${amount} transferred to ${to}.`
  if (status === 'returned') return `${to} was deleted. ${amount} is back in this namespace.`
  return `${amount} left this namespace and arrives when ${to} responds.`
}
