export type LogLevel = 'info' | 'warn' | 'error'

/** Writes one event. `fields` must never contain a secret. */
export type Log = (level: LogLevel, event: string, fields?: Readonly<Record<string, unknown>>) => void

/** Creates a log of JSON lines, in the stream and format of the request log. */
export function jsonLog(write: (line: string) => void): Log {
  return (level, event, fields = {}) =>
    write(`${JSON.stringify({ at: new Date().toISOString(), level, event, ...fields })}\n`)
}
