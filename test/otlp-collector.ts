import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import * as z from 'zod'

// A stand-in for an OpenTelemetry collector. It accepts only what the JSON encoding of OTLP allows: IDs in lowercase
// hexadecimal, 64-bit integers as decimal text, enumerations as numbers, and no unknown fields.

const Nanoseconds = z.string().regex(/^[1-9]\d{18}$/)
const Value = z.union([
  z.strictObject({ stringValue: z.string() }),
  z.strictObject({ intValue: z.string().regex(/^-?\d+$/) }),
  z.strictObject({ doubleValue: z.number() }),
  z.strictObject({ boolValue: z.boolean() }),
])
const Attributes = z
  .array(z.strictObject({ key: z.string().min(1), value: Value }))
  .refine((list) => new Set(list.map(({ key }) => key)).size === list.length, 'Keys of attributes are unique.')
const Span = z
  .strictObject({
    traceId: z.string().regex(/^(?!0+$)[0-9a-f]{32}$/),
    spanId: z.string().regex(/^(?!0+$)[0-9a-f]{16}$/),
    parentSpanId: z
      .string()
      .regex(/^(?!0+$)[0-9a-f]{16}$/)
      .optional(),
    traceState: z.string().optional(),
    name: z.string().min(1),
    kind: z.int().min(1).max(5),
    startTimeUnixNano: Nanoseconds,
    endTimeUnixNano: Nanoseconds,
    attributes: Attributes,
    status: z.strictObject({ code: z.int().min(0).max(2).optional(), message: z.string().optional() }),
  })
  .refine((span) => BigInt(span.startTimeUnixNano) <= BigInt(span.endTimeUnixNano), 'A span ends after its start.')
const ExportRequest = z.strictObject({
  resourceSpans: z.array(
    z.strictObject({
      resource: z.strictObject({ attributes: Attributes }),
      scopeSpans: z.array(
        z.strictObject({
          scope: z.strictObject({ name: z.string(), version: z.string().optional() }),
          spans: z.array(Span).min(1),
        }),
      ),
    }),
  ),
})

/** A received span, with its attributes as an object. */
export interface CollectedSpan extends Omit<z.infer<typeof Span>, 'attributes'> {
  readonly attributes: Readonly<Record<string, string | number | boolean>>
  readonly service: string
}

/** A running collector. */
export class Collector {
  readonly spans: CollectedSpan[] = []
  /** Requests that don't follow the specification, with the reason. */
  readonly problems: string[] = []
  readonly requests: {
    readonly headers: Readonly<Record<string, string | string[] | undefined>>
    readonly text: string
  }[] = []
  /** The status of its responses. */
  status = 200
  readonly #server: Server

  constructor() {
    this.#server = createServer(async (request, response) => {
      const text = (await request.setEncoding('utf8').toArray()).join('')
      this.requests.push({ headers: request.headers, text })
      if (this.status === 200) this.#take(`${request.method} ${request.url} ${request.headers['content-type']}`, text)
      response.writeHead(this.status, { 'content-type': 'application/json' }).end('{}')
    })
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  listen(): Promise<void> {
    return new Promise((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
  }

  close(): void {
    this.#server.closeAllConnections()
    this.#server.close()
  }

  /** Returns the spans of a trace in the order of their arrival. */
  ofTrace(id: string): CollectedSpan[] {
    return this.spans.filter(({ traceId }) => traceId === id)
  }

  #take(target: string, text: string): void {
    if (target !== 'POST /v1/traces application/json') this.problems.push(target)
    const { data, error } = ExportRequest.safeParse(JSON.parse(text))
    if (error) this.problems.push(z.prettifyError(error))
    for (const { resource, scopeSpans } of data?.resourceSpans ?? []) {
      const service = String(toObject(resource.attributes)['service.name'])
      for (const span of scopeSpans.flatMap(({ spans }) => spans)) {
        this.spans.push({ ...span, attributes: toObject(span.attributes), service })
      }
    }
  }
}

const toObject = (attributes: z.infer<typeof Attributes>): Record<string, string | number | boolean> =>
  Object.fromEntries(
    attributes.map(({ key, value }) => {
      if ('intValue' in value) return [key, Number(value.intValue)]
      return [key, Object.values(value)[0] as string | number | boolean]
    }),
  )
