import type { Webhook } from '@persql/contract'
import { Badge } from '../../../ui/badge.tsx'
import { formatAgo } from '../../../ui/format.ts'

/** Whether a webhook works, in a word, and what is wrong if something is. */
export const WebhookState = ({ webhook }: { webhook: Webhook }) => {
  const { enabled, failingSince, disabledReason, tables, events } = webhook
  return (
    <span className="grid justify-items-start gap-1">
      {!enabled && (
        <Badge tone={disabledReason ? 'danger' : 'warning'}>{disabledReason ? 'turned off' : 'paused'}</Badge>
      )}
      {enabled && failingSince && <Badge tone="danger">failing since {formatAgo(failingSince)}</Badge>}
      {enabled && !failingSince && <Badge tone="success">on</Badge>}
      {disabledReason && <span className="text-sm break-words">{disabledReason} Mend it, then resume.</span>}
      <span className="text-sm text-muted">
        {tables ? tables.join(', ') : 'all tables'}; {events ? events.join(', ') : 'all events'}
      </span>
    </span>
  )
}
