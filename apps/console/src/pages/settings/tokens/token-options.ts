import type { Role } from '@persql/contract'

/** Permissions of each token role, in a sentence. */
export const ROLES: Readonly<Record<Role, string>> = {
  readonly: 'Can read rows and the schema.',
  readwrite: 'Can read and change rows, but not the schema.',
  admin: 'Full access: change schemas, manage databases and tokens, and add funds.',
}

/** Names of the token roles. */
export const ROLE_NAMES: Readonly<Record<Role, string>> = {
  readonly: 'Read-only',
  readwrite: 'Read and write',
  admin: 'Admin',
}

const DAY_S = 86_400

/** Seconds until a token expires, each with its name; 0 for never. */
export const EXPIRIES = [
  [0, 'Never'],
  [DAY_S, '1 day'],
  [7 * DAY_S, '7 days'],
  [30 * DAY_S, '30 days'],
  [90 * DAY_S, '90 days'],
  [365 * DAY_S, '1 year'],
] as const

/** Parses a comma-separated list. Returns `undefined` for an empty one. */
export function parseList(text: string): string[] | undefined {
  const names = text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
  return names.length === 0 ? undefined : names
}
