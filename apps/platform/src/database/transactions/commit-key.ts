import type { ReplayKey } from '../calls/call.ts'

/** Returns the key under which the response to the commit of a transaction is stored: another commit of it gets the same response. */
export const toCommitKey = (id: string): ReplayKey => ({ header: 'Transaction', key: id, requestHash: '' })
