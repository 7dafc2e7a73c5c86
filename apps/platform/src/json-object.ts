import { PerSQLError } from '@persql/contract'

/** The nesting limit for JSON from callers. Recursive code (zod, `JSON.stringify`, RPC) handles this depth safely. */
export const MAX_JSON_DEPTH = 128

/**
 * Parses a body that must be a JSON object.
 * @throws PerSQLError `invalid_json`, or `invalid_input` for other values and for too many levels of nesting
 */
export function parseObject(text: string): Record<string, unknown> {
  const body = parseDeepObject(text)
  assertShallow(text)
  return body
}

/**
 * Parses a JSON object of any depth, for callers that don't recurse. The runtime's parser handles any depth. @throws
 * PerSQLError
 */
export function parseDeepObject(text: string): Record<string, unknown> {
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch (cause) {
    throw new PerSQLError('invalid_json', {}, { cause })
  }
  if (!isObject(body)) throw new PerSQLError('invalid_input', { problem: 'The request body must be a JSON object.' })
  return body
}

/** Checks the nesting of JSON without parsing it. @throws PerSQLError `invalid_input` */
export function assertShallow(text: string): void {
  if (isDeepJson(text)) {
    throw new PerSQLError('invalid_input', { problem: `JSON can be nested at most ${MAX_JSON_DEPTH} levels deep.` })
  }
}

/** Returns whether JSON is nested too deep. Most texts are too short for that, or have too few brackets. */
export function isDeepJson(text: string): boolean {
  if (text.length <= 2 * MAX_JSON_DEPTH || !hasManyBrackets(text)) return false
  let depth = 0
  let inString = false
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (inString) {
      if (code === BACKSLASH) i++
      else if (code === QUOTE) inString = false
    } else if (code === QUOTE) inString = true
    else if (code === OPEN_ARRAY || code === OPEN_OBJECT) {
      if (++depth > MAX_JSON_DEPTH) return true
    } else if (code === CLOSE_ARRAY || code === CLOSE_OBJECT) depth--
  }
  return false
}

/** Returns whether the text has more opening brackets than levels allowed. `indexOf` is far faster than a loop. */
function hasManyBrackets(text: string): boolean {
  let count = 0
  for (const bracket of ['[', '{']) {
    for (let at = text.indexOf(bracket); at >= 0; at = text.indexOf(bracket, at + 1)) {
      if (++count > MAX_JSON_DEPTH) return true
    }
  }
  return false
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPEN_ARRAY = 0x5b
const CLOSE_ARRAY = 0x5d
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d

/** Returns whether a value is an object, neither an array nor null. */
export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
