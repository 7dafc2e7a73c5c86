import type { Role } from '@persql/contract'
import { type FormEvent, useState } from 'react'
import { Link } from 'react-router'
import { useApiMutation } from '../../../api/hooks.ts'
import { useCan } from '../../../shell/membership.ts'
import { namespacePath, useNamespace } from '../../../shell/paths.ts'
import { Button } from '../../../ui/button.tsx'
import { ErrorPanel } from '../../../ui/error-panel.tsx'
import { Field } from '../../../ui/field.tsx'
import { Select } from '../../../ui/input.tsx'
import { ROLE_NAMES } from '../../settings/tokens/token-options.ts'

interface TokenForHereProps {
  db: string
  token: string | undefined
  onToken: (token: string) => void
}

/** Creates a token and inserts it into the snippets below. */
export function ConnectToken({ db, token, onToken }: TokenForHereProps) {
  const ns = useNamespace()
  const mayMint = useCan('admin')
  const [role, setRole] = useState<Role>('readwrite')
  const { mutateAsync, isPending, error } = useApiMutation('POST /api/namespaces/{ns}/tokens', [
    'GET /api/namespaces/{ns}/tokens',
  ])
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    const minted = await mutateAsync({ ns, name: `Connect to ${db}`, role }).catch(() => undefined)
    if (minted) onToken(minted.token)
  }
  if (!mayMint) return <p className="text-muted">Ask a namespace admin for a token, then replace YOUR_TOKEN:</p>
  if (token) {
    return (
      <p role="status">
        The snippets below include this token. Copy it now: you won't be able to see it again. Create tokens with
        limited access under{' '}
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
                {Object.entries(ROLE_NAMES).map(([value, name]) => (
                  <option key={value} value={value}>
                    {name}
                  </option>
                ))}
              </Select>
            )}
          </Field>
        </div>
        <Button type="submit" look="primary" busy={isPending}>
          Create token and fill it in
        </Button>
      </form>
      {error && <ErrorPanel error={error} />}
    </>
  )
}
