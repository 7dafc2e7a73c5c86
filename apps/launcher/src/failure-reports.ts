/** The lines of workerd when SQLite fails: one with the code, then one with the reference. */
const failed = /^workerd\/.* failed: .*?: (SQLITE_[A-Z_]+)(?: \(extended: (SQLITE_[A-Z_]+)\))?$/
const referenced = /^stack: .*\bwdErrId = (\w+)/
const maxSending = 20
const timeoutMs = 2_000

/**
 * Reads from the runtime's log why SQLite failed, and reports it to the platform. Objects that can't start, or that end because
 * a write failed, respond only with a reference to that log.
 */
export class FailureReports {
  readonly #send: (reference: string, message: string) => Promise<unknown>
  #message: string | undefined
  #sending = 0

  constructor(send: (reference: string, message: string) => Promise<unknown>) {
    this.#send = send
  }

  /** Reads a line of stderr. */
  read(line: string): void {
    const [, code, extended] = failed.exec(line) ?? []
    if (code !== undefined) {
      this.#message =
        extended === undefined ? `SQLite failed: ${code}` : `SQLite failed: ${code} (extended: ${extended})`
      return
    }
    const [, reference] = referenced.exec(line) ?? []
    if (reference === undefined || this.#message === undefined) return
    const message = this.#message
    this.#message = undefined
    // The platform remembers damaged databases, so it can miss some of many reports.
    if (this.#sending >= maxSending) return
    this.#sending++
    void this.#send(reference, message)
      .catch(() => {
        // Without the report, the caller gets a general error.
      })
      .finally(() => this.#sending--)
  }
}

/** Returns a function that sends a report to the platform at this URL. */
export function reportTo(url: string, secret: string) {
  return async (reference: string, message: string): Promise<void> => {
    const response = await fetch(`${url}/api/launcher/failed`, {
      method: 'POST',
      headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
      body: JSON.stringify({ reference, message }),
      signal: AbortSignal.timeout(timeoutMs),
    })
    await response.arrayBuffer()
  }
}
