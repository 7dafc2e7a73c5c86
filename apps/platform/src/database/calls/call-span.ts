import type { Settings } from '../../settings.ts'
import { type Span, startRemoteChild } from '../../tracing/tracer.ts'

/** Starts the span of a call below the span of its request. Returns `undefined` if traces aren't set up. */
export type StartSpan = (traceparent: string, operation: string) => Span | undefined

/** Returns the function that starts spans in an object. */
export const createStartSpan =
  ({ tracing }: Settings, ctx: DurableObjectState): StartSpan =>
  (traceparent, operation) =>
    tracing && startRemoteChild(tracing, traceparent, operation, (work) => ctx.waitUntil(work))

/** Ends the span of a call with its response, which is text if the call succeeded. */
export async function endCallSpan<A extends string | { readonly status: number; readonly code?: string | undefined }>(
  span: Span,
  database: string | undefined,
  operation: string,
  answer: A | Promise<A>,
): Promise<A> {
  span.note({ 'db.system.name': 'sqlite', 'db.namespace': database, 'db.operation.name': operation })
  try {
    const given = await answer
    const { status, code } = typeof given === 'string' ? { status: 200 } : given
    span.note({ 'error.type': code })
    span.end({ isError: status >= 500 })
    return given
  } catch (cause) {
    span.end({ isError: true })
    throw cause
  }
}
