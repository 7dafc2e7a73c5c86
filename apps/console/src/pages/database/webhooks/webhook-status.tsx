import type { Webhook } from '@persql/contract'
import { Badge } from '../../../ui/badge.tsx'
import { formatMoment } from '../../../ui/format.ts'
import { getEventName } from './webhook-events.ts'

/** The state of a webhook, with its error if it fails. */
export const WebhookState = ({ webhook }: { webhook: Webhook }) => {
  const { enabled, failingSince, disabledReason, tables, events } = webhook
  return (
    <span className="grid justify-items-start gap-1">
      {!enabled && <Badge tone={disabledReason ? 'danger' : 'warning'}>{disabledReason ? 'Disabled' : 'Paused'}</Badge>}
      {enabled && failingSince && <Badge tone="danger">Failing since {formatMoment(failingSince)}</Badge>}
      {enabled && !failingSince && <Badge tone="success">Active</Badge>}
      {disabledReason && (
        <span className="text-sm break-words">{disabledReason} Fix the problem, then resume the webhook.</span>
      )}
      <span className="text-sm text-muted">
        Tables: {tables ? tables.join(', ') : 'all'} · Events: {events ? events.map(getEventName).join(', ') : 'all'}
      </span>
    </span>
  )
}
