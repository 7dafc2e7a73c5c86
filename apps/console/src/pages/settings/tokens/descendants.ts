import { formatNumber } from '../../../ui/format.ts'

/** Returns the sentence that says how many credentials end with a token or an app, before it is revoked. */
export const endsWith = (count: number): string =>
  count === 0 ? '' : ` ${credentials(count)} that it created ${count === 1 ? 'is' : 'are'} revoked with it.`

/** Returns the end of a sentence that says what was revoked, as in `x and 2 credentials that it created`. */
export const andRevoked = (count: number): string => (count === 0 ? '' : ` and ${credentials(count)} that it created`)

/** Tokens, and handoffs that were not redeemed. */
const credentials = (count: number) => (count === 1 ? '1 credential' : `${formatNumber(count)} credentials`)
