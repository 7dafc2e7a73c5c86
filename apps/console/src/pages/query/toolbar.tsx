import { useCan } from '../../shell/membership.ts'
import { Button } from '../../ui/button.tsx'
import { commandKey } from '../../ui/kbd.tsx'
import type { SavedStatus } from './saved-query-status.ts'

interface ToolbarProps {
  isRunning: boolean
  isEmpty: boolean
  standing: SavedStatus
  isSaving: boolean
  onRun: () => void
  onCancel: () => void
  onExplain: () => void
  onSave: () => void
  /** Opens a dialog by its query parameter. */
  onSee: (what: 'save' | 'saved' | 'history' | 'ask') => void
}

/** The actions for the text of a tab. */
export function Toolbar(props: ToolbarProps) {
  const { isRunning, isEmpty, standing, isSaving, onRun, onCancel, onExplain, onSave, onSee } = props
  const mayChange = useCan('editor')
  const isTied = standing !== 'own' && standing !== 'gone'
  return (
    <div className="flex flex-wrap items-center gap-2 border-t border-line px-2 py-2">
      {isRunning ? (
        <Button size="small" look="danger" onClick={onCancel}>
          Cancel
        </Button>
      ) : (
        <Button size="small" look="primary" disabled={isEmpty} onClick={onRun}>
          Run
        </Button>
      )}
      <Button size="small" disabled={isRunning || isEmpty} onClick={onExplain}>
        Explain
      </Button>
      <span className={isRunning ? 'text-sm text-muted' : 'hidden text-sm text-muted lg:inline'}>
        {isRunning ? 'The statement is running.' : `${commandKey()}+Enter runs the statement at the cursor.`}
      </span>
      <div className="flex flex-wrap gap-2 sm:ml-auto">
        {mayChange && (
          <Button size="small" onClick={() => onSee('ask')}>
            Ask AI
          </Button>
        )}
        {mayChange && (
          <Button
            size="small"
            title={`${commandKey()}+S`}
            aria-keyshortcuts="Control+S Meta+S"
            disabled={isEmpty || standing === 'saved'}
            busy={isSaving}
            onClick={onSave}
          >
            Save
          </Button>
        )}
        {mayChange && isTied && (
          <Button size="small" disabled={isEmpty} onClick={() => onSee('save')}>
            Save as…
          </Button>
        )}
        <Button size="small" onClick={() => onSee('saved')}>
          <span>
            Saved<span className="max-sm:sr-only"> queries</span>
          </span>
        </Button>
        <Button size="small" onClick={() => onSee('history')}>
          History
        </Button>
      </div>
    </div>
  )
}
