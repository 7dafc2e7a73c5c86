/** The arguments of a call of a database. */
export type CallArguments = readonly [
  operation: string,
  address: string,
  grant: string,
  body: string,
  replayKeys?: readonly unknown[],
]

/** A transaction that its database can only continue alone. */
export interface ContinuedTransaction {
  readonly transactionId: string
  /** The keys whose revocation ends it. */
  readonly keys: readonly string[]
}

/** A continued transaction in the memory of the process. */
export interface Continued extends ContinuedTransaction {
  /** The stream of the libSQL protocol that has it open. */
  streamId: string | undefined
  /** The number of other calls of the database that wait for it. */
  waiting: number
  /** Whether anything in this process has called the database since it began. */
  isAwaited: boolean
}

/** The most continued transactions of a namespace at the same time. */
const MAX_OF_NAMESPACE = 20

/** The most calls that wait for a continued transaction. */
const MAX_WAITING = 1_000

/** The continued transactions of this process, by the name of their database. */
const continued = new Map<string, Continued>()

/** Returns the continued transaction of a database. */
export const findContinued = (name: string): Continued | undefined =>
  continued.size === 0 ? undefined : continued.get(name)

/** Records that something calls a database, so that its continued transaction ends soon. */
export function awaitContinued(name: string): void {
  const entry = findContinued(name)
  if (entry) entry.isAwaited = true
}

/** Records a continued transaction. Returns `undefined` if its namespace can't have one more at this time. */
export function addContinued(name: string, transaction: ContinuedTransaction): Continued | undefined {
  const prefix = name.slice(0, name.indexOf('/') + 1)
  const ofNamespace = [...continued.keys()].filter((other) => other !== name && other.startsWith(prefix)).length
  if (ofNamespace >= MAX_OF_NAMESPACE) return undefined
  const entry = { ...transaction, streamId: undefined, waiting: 0, isAwaited: false }
  continued.set(name, entry)
  return entry
}

export function removeContinued(name: string, entry: Continued): void {
  if (continued.get(name) === entry) continued.delete(name)
}

/** Runs a call of a database that waits for its continued transaction. Returns `undefined` if too many calls wait for it. */
export async function waitBeside<T>(entry: Continued, call: () => Promise<T>): Promise<T | undefined> {
  if (entry.waiting >= MAX_WAITING) return undefined
  entry.waiting++
  try {
    return await call()
  } finally {
    entry.waiting--
  }
}
