/** What a token of a branch may do, and how that is said. */
export const ROLES = [
  ['read', 'read'],
  ['write', 'read and write'],
  ['admin', 'change the schema too'],
] as const
