import { createHash } from 'node:crypto'
import { PerSQLError, SLUG } from '@persql/contract'
import { randomText } from '../../../token.ts'

const APPROVAL = new RegExp(`^appr_(${SLUG})\\.(${SLUG})_[0-9A-Za-z]{32}$`)

/** Which database an approval is for. */
export interface Address {
  readonly namespace: string
  readonly slug: string
}

/** A new token, `appr_<namespace>.<database>_<32 characters>`: it routes whoever decides without a look-up. */
export const mintApprovalToken = ({ namespace, slug }: Address): string => `appr_${namespace}.${slug}_${randomText(32)}`

/** The database an approval's token is of. @throws PerSQLError `approval_not_found` when it is none */
export function approvalAddress(token: string): Address {
  const [, namespace, slug] = APPROVAL.exec(token) ?? []
  if (namespace === undefined || slug === undefined) throw new PerSQLError('approval_not_found')
  return { namespace, slug }
}

/** SHA-256 in hex: all that is kept of a token. In one turn, so that what is done with it is too. */
export const hashOf = (token: string): string => createHash('sha256').update(token).digest('hex')
