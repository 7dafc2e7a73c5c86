/**
 * Returns the address of a call: the namespace and the slug of its database, the request ID if the caller chose one, the
 * `traceparent` of a recorded trace, and the ID of a transaction in the path. Another argument of the call would make a point read 5% slower (`npm run bench`).
 */
export function toCallAddress(
  namespace: string,
  slug: string,
  requestId: string | undefined,
  traceparent: string | undefined,
  transactionId?: string,
): string {
  const address = `${namespace}/${slug}`
  if (transactionId !== undefined)
    return `${address}#${requestId ?? ''} ${traceparent ?? ''} ${encodeURIComponent(transactionId)}`
  if (traceparent !== undefined) return `${address}#${requestId ?? ''} ${traceparent}`
  return requestId === undefined ? address : `${address}#${requestId}`
}

/** The parts of an address. */
type CallAddress = readonly [
  database: string,
  requestId?: string | undefined,
  traceparent?: string | undefined,
  transactionId?: string,
]

/** Splits an address into that of the database, the request ID, the `traceparent` and the ID of a transaction. */
export function splitAddress(address: string): CallAddress {
  const end = address.indexOf('#')
  if (end < 0) return [address]
  const [requestId = '', traceparent, transactionId] = address.slice(end + 1).split(' ')
  if (transactionId !== undefined)
    return [address.slice(0, end), requestId || undefined, traceparent || undefined, transactionId]
  // Request IDs contain no spaces.
  return traceparent === undefined
    ? [address.slice(0, end), requestId]
    : [address.slice(0, end), requestId === '' ? undefined : requestId, traceparent]
}
