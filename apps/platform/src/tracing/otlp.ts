import type { TraceContext } from './trace-context.ts'

/** A value of an attribute. Integers and floating-point numbers have different types on the wire. */
export type AttributeValue = string | number

/** A span that has ended. */
export interface FinishedSpan {
  readonly context: TraceContext
  readonly parentSpanId: string | undefined
  readonly name: string
  readonly kind: 'server' | 'internal'
  /** Milliseconds since 1970. */
  readonly startMs: number
  readonly endMs: number
  readonly attributes: Readonly<Record<string, AttributeValue | undefined>>
  readonly isError: boolean
}

const KIND = { internal: 1, server: 2 } as const
const ERROR = 2

/** Encodes spans as an `ExportTraceServiceRequest` in OTLP's JSON. */
export function encodeSpans(spans: readonly FinishedSpan[], resource: FinishedSpan['attributes']): string {
  return JSON.stringify({
    resourceSpans: [
      {
        resource: { attributes: toAttributes(resource) },
        scopeSpans: [{ scope: { name: 'persql' }, spans: spans.map(toSpan) }],
      },
    ],
  })
}

const toSpan = ({ context, parentSpanId, name, kind, startMs, endMs, attributes, isError }: FinishedSpan) => ({
  traceId: context.traceId,
  spanId: context.spanId,
  parentSpanId,
  name,
  kind: KIND[kind],
  startTimeUnixNano: toNanoseconds(startMs),
  endTimeUnixNano: toNanoseconds(endMs),
  attributes: toAttributes(attributes),
  status: isError ? { code: ERROR } : {},
})

/** 64-bit integers are decimal text. A number has microseconds at most. */
const toNanoseconds = (ms: number): string => `${Math.round(ms * 1000)}000`

const toAttributes = (attributes: FinishedSpan['attributes']) =>
  Object.entries(attributes).flatMap(([key, value]) => (value === undefined ? [] : [{ key, value: toValue(value) }]))

function toValue(value: AttributeValue): object {
  if (typeof value === 'string') return { stringValue: value }
  return Number.isSafeInteger(value) ? { intValue: String(value) } : { doubleValue: value }
}
