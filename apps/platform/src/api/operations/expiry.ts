import { PerSQLError } from '@persql/contract'
import { now } from '../../clock.ts'

const DAY_MS = 24 * 60 * 60 * 1000

interface ExpiryInput {
  readonly expiresAt?: string | null | undefined
  readonly ttlDays?: number | null | undefined
}

/**
 * Parses the expiry of a database: `null` for never, `undefined` if the input says nothing about it.
 * @throws PerSQLError `invalid_input`
 */
export function parseExpiry({ expiresAt, ttlDays }: ExpiryInput): number | null | undefined {
  if (expiresAt !== undefined && ttlDays !== undefined)
    throw new PerSQLError('invalid_input', { problem: 'Set "expiresAt" or "ttlDays", not both.' })
  if (expiresAt === undefined) return typeof ttlDays === 'number' ? now() + ttlDays * DAY_MS : ttlDays
  const atMs = expiresAt && Date.parse(expiresAt)
  if (atMs !== null && Number(atMs) <= now())
    throw new PerSQLError('invalid_input', { problem: '"expiresAt" must be in the future.' })
  return atMs === null ? null : Number(atMs)
}
