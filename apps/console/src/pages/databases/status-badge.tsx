import type { Database } from '@persql/contract'
import { Badge } from '../../ui/badge.tsx'
import { capitalize } from '../../ui/format.ts'

const TONES = { healthy: 'success', provisioning: 'warning', deleting: 'warning', damaged: 'danger' } as const

/** The status of a database. */
export const StatusBadge = ({ status }: Pick<Database, 'status'>) => (
  <Badge tone={TONES[status]}>{capitalize(status)}</Badge>
)
