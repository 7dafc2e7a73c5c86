import * as z from 'zod'

const NO_ERROR = 0
const NO_SUCH_NAME = 3
const TXT = 16

const Answer = z.object({
  Status: z.int(),
  Answer: z.array(z.object({ type: z.int(), data: z.string() })).default([]),
})

/**
 * Parses the values in a resolver's response. Values of an alias's target count, the alias record itself isn't a value.
 * @throws Error
 */
export function txtRecords(text: string): string[] {
  const { Status: status, Answer: records } = Answer.parse(JSON.parse(text))
  if (status === NO_SUCH_NAME) return []
  if (status !== NO_ERROR) throw new Error(`DNS lookup failed with status ${status}.`)
  return records.filter(({ type }) => type === TXT).map(({ data }) => joined(data))
}

/**
 * Returns the value of a record in zone file format. `"one" "two"` becomes `onetwo`, because each string has at most
 * 255 bytes. Some resolvers omit the quotes.
 */
function joined(data: string): string {
  if (!data.startsWith('"')) return data
  const strings = [...data.matchAll(/"((?:[^"\\]|\\.)*)"/gs)].map(([, text = '']) => text)
  return strings
    .join('')
    .replace(/\\(\d{3}|.)/gs, (_, what: string) => (what.length === 3 ? String.fromCharCode(Number(what)) : what))
}
