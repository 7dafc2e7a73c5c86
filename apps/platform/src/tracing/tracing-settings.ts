/** The settings of traces. */
export interface TracingSettings {
  /** The base URL of the collector. */
  readonly endpoint: string
  /** Headers for the collector, which can be secret. */
  readonly headers: Readonly<Record<string, string>>
  readonly service: string
  /** The share of the traces that start here and are sent, from 0 to 1. */
  readonly ratio: number
}
