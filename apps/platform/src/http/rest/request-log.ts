import { formatLogText, type LogFormat } from '../../log-text.ts'
import { joinLines } from './log-lines.ts'

const FLUSH_MS = 100
const MAX_LINES = 500
/** Writes of up to 4,096 bytes to a pipe are atomic. Lines are ASCII. */
const ATOMIC_BYTES = 4_000

// Lines of this isolate that are buffered: one write covers many requests.
let lines: string[] = []
let flushing = false

/**
 * Logs one request as a line, without tokens, parameters or query strings. `isShared` is whether other processes write
 * to the same output.
 */
export function logRequest(
  fields: Readonly<Record<string, unknown>>,
  format: LogFormat,
  waitUntil: (work: Promise<void>) => void,
  isShared: boolean,
): void {
  lines.push(format === 'json' ? JSON.stringify(fields) : formatLogText(fields, format === 'color'))
  if (lines.length >= MAX_LINES) write(isShared)
  if (flushing) return
  flushing = true
  waitUntil(
    scheduler.wait(FLUSH_MS).then(() => {
      flushing = false
      write(isShared)
    }),
  )
}

function write(isShared: boolean): void {
  const given = lines
  lines = []
  if (given.length === 0) return
  if (isShared) for (const text of joinLines(given, ATOMIC_BYTES)) console.log(text)
  else console.log(given.join('\n'))
}
