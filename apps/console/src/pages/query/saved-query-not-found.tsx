import { Button } from '../../ui/button.tsx'

/** The message for a URL with an unknown saved query, with the next steps. */
export const SavedQueryNotFound = ({ onSee, onClose }: { onSee: () => void; onClose: () => void }) => (
  <div
    role="alert"
    className="flex flex-wrap items-center gap-3 rounded-card border border-warning/40 bg-warning-soft p-4"
  >
    <p className="min-w-0 grow">Saved query not found. It may have been deleted, or it belongs to another database.</p>
    <Button size="small" onClick={onSee}>
      View saved queries
    </Button>
    <Button size="small" onClick={onClose}>
      Dismiss
    </Button>
  </div>
)
