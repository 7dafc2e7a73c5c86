import type { MintedToken, Token } from '@persql/contract'
import { useState } from 'react'
import { useApiMutation } from '../../../api/hooks.ts'
import { useNamespace } from '../../../shell/paths.ts'
import { Button } from '../../../ui/button.tsx'
import { ConfirmDialog } from '../../../ui/confirm-dialog.tsx'
import { Dialog, DialogActions } from '../../../ui/dialog.tsx'
import { OneTimeSecret } from '../../../ui/one-time-secret.tsx'

interface RotateTokenProps {
  /** The token to rotate, or `undefined` while the dialog is closed. */
  token: Token | undefined
  onClose: () => void
}

/** Rotates a token's secret after a confirmation, and shows the new secret once. */
export function RotateToken({ token, onClose }: RotateTokenProps) {
  const ns = useNamespace()
  const [rotated, setRotated] = useState<MintedToken>()
  const { mutateAsync } = useApiMutation('POST /api/namespaces/{ns}/tokens/{id}/rotate', [
    'GET /api/namespaces/{ns}/tokens',
  ])
  const close = () => setRotated(undefined)
  return (
    <>
      <ConfirmDialog
        open={token !== undefined}
        onOpenChange={onClose}
        title={`Rotate “${token?.name}”?`}
        description="Creates a new secret for the token. The old secret stops working immediately. The token's access and the tokens it created don't change."
        action="Rotate token"
        onConfirm={async () => {
          if (token) setRotated(await mutateAsync({ ns, id: token.id }))
        }}
      />
      <Dialog
        open={rotated !== undefined}
        onOpenChange={close}
        isOnce
        title={`New secret for “${rotated?.name}”`}
        description="Copy the token now. You won't be able to see it again. Store it in a secret or environment variable."
      >
        {rotated && <OneTimeSecret label="token" text={rotated.token} />}
        <DialogActions>
          <Button look="primary" onClick={close}>
            Done
          </Button>
        </DialogActions>
      </Dialog>
    </>
  )
}
