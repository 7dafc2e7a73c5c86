import type { MintedToken, Role } from '@persql/contract'
import { type FormEvent, useState } from 'react'
import { useApiMutation } from '../../../api/hooks.ts'
import { useNamespace } from '../../../shell/paths.ts'
import { Button } from '../../../ui/button.tsx'
import { Dialog, DialogActions } from '../../../ui/dialog.tsx'
import { ErrorPanel } from '../../../ui/error-panel.tsx'
import { Field } from '../../../ui/field.tsx'
import { Input, Select } from '../../../ui/input.tsx'
import { OneTimeSecret } from '../../../ui/one-time-secret.tsx'
import { EXPIRIES, parseList, ROLE_NAMES, ROLES } from './token-options.ts'

interface NewTokenProps {
  open: boolean
  onOpenChange: (open: boolean) => void
}

/** The form for a new token, which shows its secret once. */
export function NewToken({ open, onOpenChange }: NewTokenProps) {
  const [minted, setMinted] = useState<MintedToken>()
  const close = () => {
    setMinted(undefined)
    onOpenChange(false)
  }
  return (
    <Dialog
      open={open}
      onOpenChange={close}
      isOnce={minted !== undefined}
      title={minted ? `Token “${minted.name}” created` : 'New token'}
      description={
        minted
          ? "Copy the token now. You won't be able to see it again. Store it in a secret or environment variable."
          : 'Grant only the access your app needs. You can create more tokens at any time.'
      }
    >
      {minted ? (
        <>
          <OneTimeSecret label="token" text={minted.token} />
          <DialogActions>
            <Button look="primary" onClick={close}>
              Done
            </Button>
          </DialogActions>
        </>
      ) : (
        <NewTokenForm onMinted={setMinted} close={close} />
      )}
    </Dialog>
  )
}

function NewTokenForm({ onMinted, close }: { onMinted: (token: MintedToken) => void; close: () => void }) {
  const ns = useNamespace()
  const [name, setName] = useState('')
  const [role, setRole] = useState<Role>('readwrite')
  const [selectors, setSelectors] = useState('')
  const [tables, setTables] = useState('')
  const [pages, setPages] = useState('')
  const [expiresIn, setExpiresIn] = useState(0)
  const { mutateAsync, isPending, error } = useApiMutation('POST /api/namespaces/{ns}/tokens', [
    'GET /api/namespaces/{ns}/tokens',
  ])
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    const [databases, tableScope, origins] = [parseList(selectors), parseList(tables), parseList(pages)]
    const limits = {
      ...(databases && { databases }),
      ...(tableScope && { tableScope }),
      ...(origins && { origins }),
      ...(expiresIn > 0 && { expiresIn }),
    }
    const wish = { ns, name, role, ...limits }
    const minted = await mutateAsync(wish).catch(() => undefined)
    if (minted) onMinted(minted)
  }
  return (
    <form onSubmit={submit} className="grid gap-4">
      <Field label="Name" hint="Shown in the audit log.">
        {(control) => (
          <Input
            {...control}
            value={name}
            onChange={({ target }) => setName(target.value)}
            required
            maxLength={80}
            autoComplete="off"
          />
        )}
      </Field>
      <Field label="Role" hint={ROLES[role]}>
        {(control) => (
          <Select {...control} value={role} onChange={({ target }) => setRole(target.value as Role)}>
            {Object.entries(ROLE_NAMES).map(([one, name]) => (
              <option key={one} value={one}>
                {name}
              </option>
            ))}
          </Select>
        )}
      </Field>
      <Field label="Databases" hint="Comma-separated slugs or patterns. Leave empty for all databases.">
        {(control) => (
          <Input
            {...control}
            value={selectors}
            onChange={({ target }) => setSelectors(target.value)}
            placeholder="main, cust-*"
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
            className="font-mono"
          />
        )}
      </Field>
      <Field label="Tables" hint="Comma-separated. Leave empty for all tables.">
        {(control) => (
          <Input
            {...control}
            value={tables}
            onChange={({ target }) => setTables(target.value)}
            placeholder="orders, customers"
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
            className="font-mono"
          />
        )}
      </Field>
      <Field
        label="Allowed origins"
        hint="Comma-separated origins of web pages that use the token. Leave empty for none."
      >
        {(control) => (
          <Input
            {...control}
            value={pages}
            onChange={({ target }) => setPages(target.value)}
            placeholder="https://app.example.com"
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
            className="font-mono"
          />
        )}
      </Field>
      <Field label="Expires after">
        {(control) => (
          <Select {...control} value={expiresIn} onChange={({ target }) => setExpiresIn(Number(target.value))}>
            {EXPIRIES.map(([seconds, text]) => (
              <option key={seconds} value={seconds}>
                {text}
              </option>
            ))}
          </Select>
        )}
      </Field>
      {error && <ErrorPanel error={error} />}
      <DialogActions>
        <Button onClick={close}>Cancel</Button>
        <Button type="submit" look="primary" busy={isPending} disabled={name.trim() === ''}>
          Create token
        </Button>
      </DialogActions>
    </form>
  )
}
