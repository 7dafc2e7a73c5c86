import { readFile } from 'node:fs/promises'
import type { Param } from '@persql/sdk'
import { usage } from './exits.ts'

const seconds: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 }

/** Seconds of `90s`, `30m`, `12h`, `7d` or `2w`; a number alone is seconds. */
export function duration(name: string, text: string): number {
  const [, amount, unit = 's'] = /^(\d+)([smhdw])?$/.exec(text) ?? []
  if (amount === undefined) throw usage(`${name} is a time like 90s, 30m, 12h or 7d, not "${text}".`)
  return Number(amount) * (seconds[unit] ?? 1)
}

/** Whole days of a duration. */
export function days(name: string, text: string): number {
  const whole = duration(name, text) / 86_400
  if (!Number.isInteger(whole)) throw usage(`${name} is whole days, like 7d, not "${text}".`)
  return whole
}

/** A parameter as it is typed: numbers, true, false, null and {"base64": "…"} as JSON has them, all else is text. */
export function param(text: string): Param {
  if (text === 'null') return null
  if (text === 'true' || text === 'false') return text === 'true'
  if (/^-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?$/.test(text)) {
    const number = Number(text)
    if (Number.isInteger(number) && !Number.isSafeInteger(number))
      throw usage(`${text} is too large for a parameter: quote it and CAST it.`)
    return number
  }
  if (/^"[\s\S]*"$/.test(text) || text.startsWith('{"base64"')) {
    const value = json('--param', text)
    if (typeof value === 'string') return value
    const { base64 } = Object(value) as { base64?: unknown }
    if (typeof base64 === 'string') return new Uint8Array(Buffer.from(base64, 'base64'))
  }
  return text
}

/** A value typed as JSON. */
export function json(name: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw usage(`${name} is not JSON: ${(cause as Error).message}`)
  }
}

/** A JSON object, typed or in a file. */
export function object(name: string, text: string): Record<string, unknown> {
  const value = json(name, text)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw usage(`${name} is a JSON object.`)
  return value as Record<string, unknown>
}

/** The text of a file, or of stdin when it is `-`. */
export async function textOf(file: string): Promise<string> {
  return file === '-' ? (await process.stdin.setEncoding('utf8').toArray()).join('') : await readFile(file, 'utf8')
}

/** Milliseconds since 1970 of a moment in ISO 8601, or of such a number. */
export function moment(name: string, text: string): number {
  const at = /^\d{12,}$/.test(text) ? Number(text) : Date.parse(text)
  if (Number.isNaN(at)) throw usage(`${name} is a moment like 2026-11-21T12:00:00Z, not "${text}".`)
  return at
}
