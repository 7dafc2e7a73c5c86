import { PerSQLError } from '@persql/contract'
import { getObject, isForeign } from './cells.ts'
import {
  type CallArguments,
  type Continued,
  type ContinuedTransaction,
  findContinued,
  waitBeside,
} from './continued.ts'
import type { Env } from './env.ts'
import { type CallAnswer, type Reply, refuse } from './reply.ts'

/** The object that hands the calls of a continued transaction over to the database. */
interface MailboxCalls {
  begin(transaction: ContinuedTransaction, call: CallArguments): Promise<CallAnswer | undefined>
  call(call: CallArguments): Promise<CallAnswer | undefined>
  end(keys: readonly string[] | undefined): Promise<void>
}

interface DatabaseCalls {
  call(...call: CallArguments): Promise<CallAnswer>
  readonly mailbox: MailboxCalls
}

const MAX_TRIES = 3
const RETRY_S = 1
/** The end of the name of a mailbox. Such an object is not a database. */
const MAILBOX = '!transactions'
const BATON = /"baton"\s*:\s*"(\w+)\./

/** Calls a database, in the cell that owns it. */
export const callDatabase = (env: Env, name: string, call: CallArguments): Promise<CallAnswer> =>
  isForeign(env, 'DATABASES', name) ? objectAt(env, name).call(...call) : callOwnDatabase(env, name, call)

/** Calls a database of this process. While a transaction of it is continued, the calls of this transaction take another way. */
export function callOwnDatabase(env: Env, name: string, call: CallArguments): Promise<CallAnswer> {
  const entry = findContinued(name)
  if (entry !== undefined) return callBeside(env, name, call, entry)
  if (env.PERSQL_RUNTIME === 'cloudflare' && mayBeOfTransaction(call)) return callMailboxFirst(env, name, call)
  return callObject(env, name, call)
}

/**
 * Ends the continued transaction of a database, because its database can't learn now that it has to.
 * @param keys keys that are revoked, if only their transaction ends; otherwise the database is deleted
 */
export async function endContinued(env: Env, name: string, keys?: readonly string[]): Promise<void> {
  if (env.PERSQL_RUNTIME !== 'cloudflare' && !findContinued(name)) return
  await mailboxAt(env, name).end(keys)
}

/** Returns the error of a call that can't wait for a continued transaction. */
export const tooManyContinued = (): Reply => refuse(new PerSQLError('transaction_busy', { seconds: RETRY_S }))

async function callBeside(env: Env, name: string, call: CallArguments, entry: Continued): Promise<CallAnswer> {
  if (belongsTo(entry, call)) return callMailboxFirst(env, name, call)
  return (await waitBeside(entry, () => callObject(env, name, call))) ?? tooManyContinued()
}

async function callMailboxFirst(env: Env, name: string, call: CallArguments): Promise<CallAnswer> {
  return (await mailboxAt(env, name).call(call)) ?? callObject(env, name, call)
}

/** Calls the object of a database. If it can only run the call alone, its mailbox calls it. */
async function callObject(env: Env, name: string, call: CallArguments): Promise<CallAnswer> {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const answer = await objectAt(env, name).call(...call)
    if (typeof answer === 'string' || answer.continues === undefined) return answer
    const alone = await mailboxAt(env, name).begin(answer.continues, call)
    if (alone !== undefined) return alone
  }
  return tooManyContinued()
}

const objectAt = (env: Env, name: string): DatabaseCalls => getObject(env, 'DATABASES', name) as DatabaseCalls
const mailboxAt = (env: Env, name: string): MailboxCalls => objectAt(env, `${name}${MAILBOX}`).mailbox

/** Returns whether a call continues an interactive transaction. The database checks what it names. */
function mayBeOfTransaction(call: CallArguments): boolean {
  return findTransactionId(call) !== undefined || findStreamId(call) !== undefined
}

function belongsTo({ transactionId, streamId }: Continued, call: CallArguments): boolean {
  return findTransactionId(call) === transactionId || (streamId !== undefined && findStreamId(call) === streamId)
}

const findTransactionId = ([, address]: CallArguments): string | undefined =>
  address.includes('#') ? address.slice(address.indexOf('#')).split(' ')[2] : undefined

const findStreamId = ([operation, , , body]: CallArguments): string | undefined =>
  operation.startsWith('libsql_') ? BATON.exec(body)?.[1] : undefined
