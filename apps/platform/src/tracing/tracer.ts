import type { AttributeValue } from './otlp.ts'
import { SpanExporter } from './span-exporter.ts'
import {
  createTraceContext,
  formatTraceparent,
  parseTraceparent,
  TRACEPARENT,
  type TraceContext,
} from './trace-context.ts'
import type { TracingSettings } from './tracing-settings.ts'

type Attributes = Readonly<Record<string, AttributeValue | undefined>>
type WaitUntil = (work: Promise<void>) => void

interface SpanOptions {
  readonly exporter: SpanExporter
  readonly waitUntil: WaitUntil
  readonly name: string
  readonly kind: 'server' | 'internal'
  readonly parent: TraceContext | undefined
}

/** A part of a request that is measured. Attributes must never contain parameters, tokens or query strings. */
export class Span {
  readonly #options: SpanOptions
  readonly #context: TraceContext
  readonly #startMs = readClock()
  #attributes: Attributes = {}

  constructor(options: SpanOptions) {
    this.#options = options
    this.#context = createTraceContext(options.parent)
  }

  /** The position of this span for its children, as a `traceparent` header. */
  get traceparent(): string {
    return formatTraceparent(this.#context)
  }

  /** The time since the start, in milliseconds. */
  get elapsedMs(): number {
    return readClock() - this.#startMs
  }

  /** Adds attributes. */
  note(attributes: Attributes): void {
    this.#attributes = { ...this.#attributes, ...attributes }
  }

  /** Starts a span of this process below this one. */
  startChild(name: string): Span {
    return new Span({ ...this.#options, name, kind: 'internal', parent: this.#context })
  }

  /** Ends the span and queues it for the collector. `name` replaces the name that it started with. */
  end({ name = this.#options.name, isError = false }: { name?: string; isError?: boolean } = {}): void {
    const { exporter, waitUntil, kind, parent } = this.#options
    const { spanId: parentSpanId } = parent ?? {}
    const times = { startMs: this.#startMs, endMs: readClock() }
    exporter.add(
      { context: this.#context, parentSpanId, name, kind, ...times, attributes: this.#attributes, isError },
      waitUntil,
    )
  }
}

let exporter: SpanExporter | undefined

/**
 * Starts the span of a request: in the caller's trace if the caller records it, or in a new one. Returns `undefined` if the
 * trace isn't recorded.
 */
export function startRequestSpan(
  settings: TracingSettings,
  headers: Headers,
  name: string,
  waitUntil: WaitUntil,
): Span | undefined {
  const parent = parseTraceparent(headers.get(TRACEPARENT))
  if (parent ? !parent.isSampled : Math.random() >= settings.ratio) return undefined
  exporter ??= new SpanExporter(settings)
  return new Span({ exporter, waitUntil, name, kind: 'server', parent })
}

/** Starts a span below one of another process or object. */
export function startRemoteChild(
  settings: TracingSettings,
  traceparent: string,
  name: string,
  waitUntil: WaitUntil,
): Span {
  exporter ??= new SpanExporter(settings)
  return new Span({ exporter, waitUntil, name, kind: 'internal', parent: parseTraceparent(traceparent) })
}

/** The start of the precise clock. All spans use it, so that children don't begin before their parent. */
let originMs: number | undefined
const MAX_DRIFT_MS = 1_000

function readClock(): number {
  const [nowMs, sinceMs] = [Date.now(), performance.now()]
  if (originMs === undefined || Math.abs(nowMs - originMs - sinceMs) > MAX_DRIFT_MS) originMs = nowMs - sinceMs
  return originMs + sinceMs
}
