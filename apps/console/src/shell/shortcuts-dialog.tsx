import { Dialog } from '../ui/dialog.tsx'
import { commandKey, Kbd } from '../ui/kbd.tsx'

interface KeysDialogProps {
  open: boolean
  onOpenChange: (open: boolean) => void
}

const KEYS: readonly (readonly [where: string, keys: readonly (readonly [keys: string, what: string])[]])[] = [
  [
    'Everywhere',
    [
      ['Mod K', 'Search pages, databases and actions'],
      ['?', 'Show keyboard shortcuts'],
      ['Esc', 'Close dialog or menu'],
    ],
  ],
  ['Query', [['Mod Enter', 'Run the selection or the statement at the cursor']]],
  [
    'Tables',
    [
      ['↑ ↓ ← →', 'Move between cells'],
      ['Enter', 'Edit cell'],
      ['Delete', 'Mark row for deletion'],
      ['Mod Z', 'Undo last change'],
    ],
  ],
  [
    'Schema',
    [
      ['+ −', 'Zoom diagram'],
      ['0', 'Fit diagram to view'],
    ],
  ],
]

/** The list of keyboard shortcuts. */
export const ShortcutsDialog = ({ open, onOpenChange }: KeysDialogProps) => (
  <Dialog open={open} onOpenChange={onOpenChange} title="Keyboard shortcuts">
    <div className="grid gap-5">
      {KEYS.map(([where, keys]) => (
        <section key={where} className="grid gap-1.5">
          <h3 className="text-sm font-medium text-muted">{where}</h3>
          <dl className="grid gap-1.5">
            {keys.map(([combination, what]) => (
              <div key={what} className="flex items-center justify-between gap-4">
                <dt>{what}</dt>
                <dd className="flex shrink-0 gap-1">
                  {combination.split(' ').map((key) => (
                    <Kbd key={key}>{key === 'Mod' ? commandKey() : key}</Kbd>
                  ))}
                </dd>
              </div>
            ))}
          </dl>
        </section>
      ))}
    </div>
  </Dialog>
)
