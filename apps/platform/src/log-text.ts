/** The format of logs: lines of JSON, or lines for people, which can have colors. */
export type LogFormat = 'json' | 'text' | 'color'

type Fields = Readonly<Record<string, unknown>>

const RESET = '\x1b[0m'
const DIM = '\x1b[2m'
const [RED, GREEN, YELLOW, CYAN] = [31, 32, 33, 36].map((code) => `\x1b[${code}m`) as [string, string, string, string]
const OF_STATUS: Readonly<Record<string, string>> = { 2: GREEN, 3: CYAN, 4: YELLOW, 5: RED }
const OF_LEVEL: Readonly<Record<string, string>> = { warn: YELLOW, error: RED }
/** Callers choose parts of a line, which must not control the terminal or start another line. */
const CONTROL = /[\p{Cc}\p{Cf}\u2028\u2029]/gu

/** Formats one entry of a log as a line for people, without a line feed. Times are in UTC. */
export function formatLogText(fields: Fields, isColored: boolean): string {
  const paint = (color: string, text: string) => (isColored && color !== '' ? `${color}${text}${RESET}` : text)
  const time = paint(DIM, String(fields.at ?? '').slice(11, 23) || ' '.repeat(12))
  return `${time} ${fields.event === 'request' ? formatRequest(fields, paint) : formatEvent(fields, paint)}`
}

type Paint = (color: string, text: string) => string

function formatRequest(fields: Fields, paint: Paint): string {
  const { status, ms, operation, method, path, namespace, database, requestId, code } = fields
  const duration = `${Number(ms).toFixed(Number(ms) < 100 ? 2 : 0)} ms`.padStart(10)
  const isNamed = operation !== undefined && operation !== 'none'
  const place = [namespace, database].filter((name) => name !== undefined).join('/')
  const columns = [
    paint(OF_STATUS[String(status)[0] ?? ''] ?? '', String(status)),
    duration,
    clean(isNamed ? operation : method).padEnd(18),
    clean(place || path).padEnd(24),
    paint(DIM, clean(requestId)),
    ...(code === undefined ? [] : [paint(YELLOW, clean(code))]),
  ]
  return columns.join('  ')
}

function formatEvent({ at: _, level, event, ...others }: Fields, paint: Paint): string {
  const name = paint(OF_LEVEL[String(level)] ?? '', clean(event ?? level ?? ''))
  const texts = Object.entries(others).map(([key, value]) => {
    const text = typeof value === 'string' ? value : JSON.stringify(value)
    return `${paint(DIM, `${clean(key)}=`)}${clean(/^[^\s"]+$/.test(text) ? text : JSON.stringify(text))}`
  })
  return [name, ...texts].join('  ')
}

const clean = (value: unknown): string => String(value).replace(CONTROL, '?')
