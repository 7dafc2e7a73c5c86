import { expect, test } from 'vitest'
import { formatTraceparent, parseTraceparent } from './trace-context.ts'

const [traceId, spanId] = ['4bf92f3577b34da6a3ce929d0e0e4736', '00f067aa0ba902b7']

test.each([
  [`00-${traceId}-${spanId}-01`, true],
  [`00-${traceId}-${spanId}-00`, false],
  [`00-${traceId}-${spanId}-03`, true],
  [`01-${traceId}-${spanId}-01-more`, true],
])('%s is a position in a trace', (text, isSampled) => {
  const context = { traceId, spanId, isSampled }
  expect(parseTraceparent(text)).toEqual(context)
  expect(parseTraceparent(formatTraceparent(context))).toEqual(context)
})

test.each([
  null,
  '',
  `00-${traceId}-${spanId}`,
  `00-${traceId}-${spanId}-01-more`,
  `ff-${traceId}-${spanId}-01`,
  `00-${traceId.toUpperCase()}-${spanId}-01`,
  `00-${'0'.repeat(32)}-${spanId}-01`,
  `00-${traceId}-${'0'.repeat(16)}-01`,
  `00-${traceId}-${spanId}-01\n`,
])('%j starts a new trace', (text) => {
  expect(parseTraceparent(text)).toBeUndefined()
})
