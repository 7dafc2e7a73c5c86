import { formatCount } from '../../../ui/format.ts'

/** Returns the sentence about the credentials that are revoked with a token or an app, for its confirmation. */
export const endsWith = (count: number): string =>
  count === 0 ? '' : ` This also revokes ${credentials(count)} it created.`

/** Returns the end of a toast about revoked credentials, as in `, along with 2 credentials it created`. */
export const andRevoked = (count: number): string =>
  count === 0 ? '' : `, along with ${credentials(count)} it created`

/** Tokens, and handoff codes that weren't redeemed. */
const credentials = (count: number) => formatCount(count, 'credential')
