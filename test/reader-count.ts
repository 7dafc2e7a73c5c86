/** Whether instances that tests start can have readers: `PERSQL_READERS=0 npm test` runs all reads in place. */
export const hasReaders = process.env.PERSQL_READERS !== '0'

/** Returns the number of readers of an instance that has `wanted` of them unless the suite runs without readers. */
export const toReaderCount = (wanted: number): number => (hasReaders ? wanted : 0)
