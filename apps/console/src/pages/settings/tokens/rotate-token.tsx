import type { MintedToken, Token } from '@persql/contract'
import { useState } from 'react'
import { useDo } from '../../../api/hooks.ts'
import { useNamespace } from '../../../shell/address.ts'
import { Button } from '../../../ui/button.tsx'
import { ConfirmDialog } from '../../../ui/confirm-dialog.tsx'
import { Dialog, DialogActions } from '../../../ui/dialog.tsx'
import { Secret } from '../../../ui/secret.tsx'

interface RotateTokenProps {
  /** The token to rotate, once it was chosen. */
  token: Token | undefined
  onClose: () => void
}

/** Replaces the secret of a token after a confirmation, and shows the new secret, which is its only appearance. */
export function RotateToken({ token, onClose }: RotateTokenProps) {
  const ns = useNamespace()
  const [rotated, setRotated] = useState<MintedToken>()
  const { mutateAsync } = useDo('POST /api/namespaces/{ns}/tokens/{id}/rotate', ['GET /api/namespaces/{ns}/tokens'])
  const close = () => setRotated(undefined)
  return (
    <>
      <ConfirmDialog
        open={token !== undefined}
        onOpenChange={onClose}
        title={`Rotate ${token?.name}?`}
        description="The token gets a new secret, and the old one is refused everywhere. Its access stays, and so do the tokens that it created."
        action="Rotate token"
        onConfirm={async () => {
          if (token) setRotated(await mutateAsync({ ns, id: token.id }))
        }}
      />
      <Dialog
        open={rotated !== undefined}
        onOpenChange={close}
        isOnce
        title={`New secret of ${rotated?.name}`}
        description="The secret is shown only here. Store it where your program reads it, such as an environment variable."
      >
        {rotated && <Secret label="token" text={rotated.token} />}
        <DialogActions>
          <Button look="primary" onClick={close}>
            Done
          </Button>
        </DialogActions>
      </Dialog>
    </>
  )
}
