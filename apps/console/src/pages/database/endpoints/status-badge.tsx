import type { Endpoint } from '@persql/contract'
import { Badge } from '../../../ui/badge.tsx'
import { capitalize } from '../../../ui/format.ts'

const TONES = { published: 'success', draft: 'neutral', paused: 'warning' } as const

/** The status of an endpoint. */
export const StatusBadge = ({ status }: Pick<Endpoint, 'status'>) => (
  <Badge tone={TONES[status]}>{capitalize(status)}</Badge>
)
