import type { Role } from '@persql/contract'

/** What a role of a token lets it do, in a sentence. */
export const ROLES: Readonly<Record<Role, string>> = {
  readonly: 'Reads rows and the schema, and changes nothing.',
  readwrite: 'Reads and changes rows, and leaves the schema as it is.',
  admin: 'Does everything: changes schemas, makes and deletes databases and tokens, adds funds.',
}

const DAY_S = 86_400

/** Seconds until a token ends, and how that is said; 0 for never. */
export const EXPIRIES = [
  [0, 'Never'],
  [DAY_S, 'In a day'],
  [7 * DAY_S, 'In a week'],
  [30 * DAY_S, 'In 30 days'],
  [90 * DAY_S, 'In 90 days'],
  [365 * DAY_S, 'In a year'],
] as const

/** The tables that were typed with commas between; `undefined` for all. */
export function scopeOf(text: string): string[] | undefined {
  const names = text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
  return names.length === 0 ? undefined : names
}
