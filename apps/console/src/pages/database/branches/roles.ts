/** What a token of a branch may do, and how that is said. */
export const ROLES = [
  ['read', 'Read-only'],
  ['write', 'Read and write'],
  ['admin', 'Read, write and change the schema'],
] as const
