/** The position of a span in its trace, as W3C Trace Context defines it. */
export interface TraceContext {
  /** 32 and 16 lowercase hexadecimal digits. */
  readonly traceId: string
  readonly spanId: string
  readonly isSampled: boolean
}

/** The header that connects spans of several programs. */
export const TRACEPARENT = 'traceparent'

const SHAPE = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/

/** Parses a `traceparent` header. Returns `undefined` for any text that isn't one, which starts a new trace. */
export function parseTraceparent(text: string | null): TraceContext | undefined {
  const [, version, traceId, spanId, flags = '', more] = SHAPE.exec(text ?? '') ?? []
  if (version === undefined || traceId === undefined || spanId === undefined || version === 'ff') return undefined
  // Later versions can have more fields.
  if ((version === '00' && more !== undefined) || /^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined
  return { traceId, spanId, isSampled: (Number.parseInt(flags, 16) & 1) === 1 }
}

/** Formats a `traceparent` header. */
export const formatTraceparent = ({ traceId, spanId, isSampled }: TraceContext): string =>
  `00-${traceId}-${spanId}-${isSampled ? '01' : '00'}`

/** Creates the context of a new span, in the trace of its parent or in a new one. */
export const createTraceContext = (parent: TraceContext | undefined): TraceContext => ({
  traceId: parent?.traceId ?? randomHex(16),
  spanId: randomHex(8),
  isSampled: true,
})

const randomHex = (bytes: number): string => crypto.getRandomValues(new Uint8Array(bytes)).toHex()
