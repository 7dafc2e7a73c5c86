/** The roles of a branch token, with their labels. */
export const ROLES = [
  ['read', 'Read-only'],
  ['write', 'Read and write'],
  ['admin', 'Read, write and change the schema'],
] as const
