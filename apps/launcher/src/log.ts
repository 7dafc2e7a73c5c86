export type LogLevel = 'info' | 'warn' | 'error'

/** Writes one event; `fields` must never hold a secret. */
export type Log = (level: LogLevel, event: string, fields?: Readonly<Record<string, unknown>>) => void

/** A log of JSON lines, in the same stream and form as the request log. */
export function jsonLog(write: (line: string) => void): Log {
  return (level, event, fields = {}) =>
    write(`${JSON.stringify({ at: new Date().toISOString(), level, event, ...fields })}\n`)
}
