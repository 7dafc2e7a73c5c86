import type { Role } from '@persql/contract'
import { type FormEvent, useState } from 'react'
import { Link } from 'react-router'
import { useDo } from '../../../api/hooks.ts'
import { namespacePath, useNamespace } from '../../../shell/address.ts'
import { useMay } from '../../../shell/membership.ts'
import { Button } from '../../../ui/button.tsx'
import { ErrorPanel } from '../../../ui/error-panel.tsx'
import { Field } from '../../../ui/field.tsx'
import { Select } from '../../../ui/input.tsx'

interface TokenForHereProps {
  db: string
  token: string | undefined
  onToken: (token: string) => void
}

/** Makes a token that is put into all that stands below. */
export function TokenForHere({ db, token, onToken }: TokenForHereProps) {
  const ns = useNamespace()
  const mayMint = useMay('admin')
  const [role, setRole] = useState<Role>('readwrite')
  const { mutateAsync, isPending, error } = useDo('POST /api/namespaces/{ns}/tokens', [
    'GET /api/namespaces/{ns}/tokens',
  ])
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    const minted = await mutateAsync({ ns, name: `Connect to ${db}`, role }).catch(() => undefined)
    if (minted) onToken(minted.token)
  }
  if (!mayMint) return <p className="text-muted">Ask an admin of this namespace for a token, and put it in here:</p>
  if (token) {
    return (
      <p role="status">
        It stands in what follows, and this is its only appearance. Narrower ones are made under{' '}
        <Link className="text-accent underline" to={namespacePath(ns, 'settings', 'tokens')}>
          Tokens
        </Link>
        .
      </p>
    )
  }
  return (
    <>
      <form onSubmit={submit} className="flex flex-wrap items-end gap-3">
        <div className="min-w-40">
          <Field label="Role">
            {(control) => (
              <Select {...control} value={role} onChange={({ target }) => setRole(target.value as Role)}>
                <option>readonly</option>
                <option>readwrite</option>
                <option>admin</option>
              </Select>
            )}
          </Field>
        </div>
        <Button type="submit" look="primary" busy={isPending}>
          Create a token and put it in
        </Button>
      </form>
      {error && <ErrorPanel error={error} />}
    </>
  )
}
