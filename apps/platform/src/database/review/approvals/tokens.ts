import { createHash } from 'node:crypto'
import { PerSQLError, SLUG } from '@persql/contract'
import { randomText } from '../../../token.ts'

const APPROVAL = new RegExp(`^appr_(${SLUG})\\.(${SLUG})_[0-9A-Za-z]{32}$`)

/** The address of the database that an approval belongs to. */
export interface Address {
  readonly namespace: string
  readonly slug: string
}

/**
 * Returns a new token, `appr_<namespace>.<database>_<32 characters>`. It contains the database address, so approvers
 * reach the database without a lookup.
 */
export const mintApprovalToken = ({ namespace, slug }: Address): string => `appr_${namespace}.${slug}_${randomText(32)}`

/**
 * Returns the address of the database in an approval token. @throws PerSQLError `approval_not_found` for an invalid
 * token
 */
export function approvalAddress(token: string): Address {
  const [, namespace, slug] = APPROVAL.exec(token) ?? []
  if (namespace === undefined || slug === undefined) throw new PerSQLError('approval_not_found')
  return { namespace, slug }
}

/** Returns the SHA-256 hash in hex: tokens are stored only as hashes. Synchronous, so callers stay in one turn. */
export const hashToken = (token: string): string => createHash('sha256').update(token).digest('hex')
