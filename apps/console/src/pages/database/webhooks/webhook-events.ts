import type { Webhook } from '@persql/contract'

/** An event that a webhook can deliver. */
export type WebhookEvent = NonNullable<Webhook['events']>[number]

/** The events with their names, in the order of the form. */
export const EVENTS: readonly (readonly [WebhookEvent, string])[] = [
  ['insert', 'Row inserted'],
  ['update', 'Row updated'],
  ['delete', 'Row deleted'],
  ['schema', 'Schema changed'],
  ['approval_required', 'Approval requested'],
  ['approval_resolved', 'Approval decided'],
]

const NAMES: ReadonlyMap<string, string> = new Map(EVENTS)

/** Returns the name of an event. Later event types have no name yet. */
export const getEventName = (event: string): string => NAMES.get(event) ?? (event === 'unknown' ? 'Any change' : event)
