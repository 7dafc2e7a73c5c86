import { formatLogText, type LogFormat } from '../../platform/src/log-text.ts'

export type LogLevel = 'info' | 'warn' | 'error'

/** Writes one event. `fields` must never contain a secret. */
export type Log = (level: LogLevel, event: string, fields?: Readonly<Record<string, unknown>>) => void

/** Creates a log with one line for each event, in the stream and format of the request log. */
export function createLog(format: LogFormat, write: (line: string) => void): Log {
  return (level, event, fields = {}) => {
    const entry = { at: new Date().toISOString(), level, event, ...fields }
    write(`${format === 'json' ? JSON.stringify(entry) : formatLogText(entry, format === 'color')}\n`)
  }
}

/** Chooses the format of a stream: lines for people in a terminal, JSON elsewhere, unless the setting says which. */
export function chooseLogFormat(
  setting: 'json' | 'text' | undefined,
  { isTTY = false }: { readonly isTTY?: boolean },
  noColor: string | undefined = process.env.NO_COLOR,
): LogFormat {
  if (setting === 'json' || (setting === undefined && !isTTY)) return 'json'
  return isTTY && !noColor ? 'color' : 'text'
}

/** Formats a line that the platform wrote to stderr: entries are JSON, all other lines stay as they are. */
export function formatStderrLine(line: string, format: LogFormat): string {
  if (format === 'json' || !line.startsWith('{"')) return line
  try {
    return formatLogText(JSON.parse(line) as Record<string, unknown>, format === 'color')
  } catch {
    return line
  }
}
