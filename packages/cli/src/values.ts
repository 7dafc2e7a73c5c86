import { readFile } from 'node:fs/promises'
import type { Param } from '@persql/sdk'
import { usage } from './cli-error.ts'

const seconds: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 }

/** Parses a duration such as `90s`, `30m`, `12h`, `7d` or `2w` to seconds. @throws CliError */
export function duration(name: string, text: string): number {
  const [, amount, unit = 's'] = /^(\d+)([smhdw])?$/.exec(text) ?? []
  if (amount === undefined) throw usage(`Invalid ${name} "${text}". Expected a duration such as 90s, 30m, 12h or 7d.`)
  return Number(amount) * (seconds[unit] ?? 1)
}

/** Parses a duration to whole days. @throws CliError */
export function days(name: string, text: string): number {
  const whole = duration(name, text) / 86_400
  if (!Number.isInteger(whole)) throw usage(`Invalid ${name} "${text}". Expected whole days, such as 7d.`)
  return whole
}

const units: Record<string, number> = { B: 1, KB: 1e3, MB: 1e6, GB: 1e9, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 }

/** Parses a size such as `500MB` or `1GiB` to bytes. @throws CliError */
export function bytes(name: string, text: string): number {
  const [, amount, unit = 'B'] = /^(\d+(?:\.\d+)?)([KMG]i?B|B)?$/.exec(text) ?? []
  const size = Number(amount) * (units[unit] ?? 1)
  if (!Number.isSafeInteger(size)) throw usage(`Invalid ${name} "${text}". Expected a size such as 500MB or 1GiB.`)
  return size
}

/** Parses a whole number from 1. @throws CliError */
export function positive(name: string, text: string): number {
  const value = /^\d+$/.test(text) ? Number(text) : 0
  if (value < 1 || !Number.isSafeInteger(value))
    throw usage(`Invalid ${name} "${text}". Expected a whole number from 1.`)
  return value
}

/** Parses pairs such as `plan=pro`, of different keys. @throws CliError */
export function pairs(name: string, texts: readonly string[]): Record<string, string> {
  const all = new Map<string, string>()
  for (const text of texts) {
    const [, key = '', value = ''] = /^([^=]+)=(.*)$/s.exec(text) ?? []
    if (key === '') throw usage(`Invalid ${name} "${text}". Expected a pair such as plan=pro.`)
    if (all.has(key)) throw usage(`${name} "${key}" is set twice.`)
    all.set(key, value)
  }
  return Object.fromEntries(all)
}

/** Parses a parameter: numbers, true, false, null, quoted text and {"base64": "…"} as JSON, anything else as text. @throws CliError */
export function param(text: string): Param {
  if (text === 'null') return null
  if (text === 'true' || text === 'false') return text === 'true'
  if (/^-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?$/.test(text)) {
    const number = Number(text)
    if (Number.isInteger(number) && !Number.isSafeInteger(number))
      throw usage(`${text} is too large for a number parameter. Quote it as text and CAST it in SQL.`)
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

/** Parses a JSON value. @throws CliError */
export function json(name: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw usage(`Invalid JSON in ${name}: ${(cause as Error).message}`)
  }
}

/** Parses a JSON object. @throws CliError */
export function object(name: string, text: string): Record<string, unknown> {
  const value = json(name, text)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw usage(`${name} must be a JSON object.`)
  return value as Record<string, unknown>
}

/** Reads a file, or stdin for `-`. */
export async function readText(file: string): Promise<string> {
  return file === '-' ? (await process.stdin.setEncoding('utf8').toArray()).join('') : await readFile(file, 'utf8')
}

/** Parses a time in ISO 8601 or milliseconds to milliseconds since 1970. @throws CliError */
export function moment(name: string, text: string): number {
  const at = /^\d{12,}$/.test(text) ? Number(text) : Date.parse(text)
  if (Number.isNaN(at)) throw usage(`Invalid ${name} "${text}". Expected a time such as 2026-11-21T12:00:00Z.`)
  return at
}
