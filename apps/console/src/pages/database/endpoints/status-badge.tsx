import type { Endpoint } from '@persql/contract'
import { Badge } from '../../../ui/badge.tsx'

const TONES = { published: 'success', draft: 'neutral', paused: 'warning' } as const

/** Whether an endpoint answers. */
export const StatusBadge = ({ status }: Pick<Endpoint, 'status'>) => <Badge tone={TONES[status]}>{status}</Badge>
