const FLUSH_MS = 100
const MAX_LINES = 500

// Lines of this isolate that are buffered: one write covers many requests.
let lines: string[] = []
let flushing = false

/** Logs one request as a line of JSON, without tokens, parameters or query strings. */
export function logRequest(fields: Readonly<Record<string, unknown>>, waitUntil: (work: Promise<void>) => void): void {
  lines.push(JSON.stringify(fields))
  if (lines.length >= MAX_LINES) write()
  if (flushing) return
  flushing = true
  waitUntil(
    scheduler.wait(FLUSH_MS).then(() => {
      flushing = false
      write()
    }),
  )
}

function write(): void {
  if (lines.length > 0) console.log(lines.join('\n'))
  lines = []
}
