import { crc32 } from 'node:zlib'

const MAX = 63

/**
 * Returns the slug of a branch's database, `<parent>-<ref>` in lower case, with `-` for characters that a slug can't
 * have. Adds a short hash of the ref if the slug would be too long or `isTaken`.
 */
export function branchSlug(parent: string, ref: string, isTaken: (slug: string) => boolean): string {
  const slug = `${parent}-${ref}`.toLowerCase().replace(/[^a-z0-9-]/gu, '-')
  if (slug.length <= MAX && !isTaken(slug)) return slug
  for (let round = 0; ; round++) {
    const hash = crc32(round === 0 ? ref : `${ref} ${round}`)
      .toString(36)
      .padStart(7, '0')
    const mapped = `${slug.slice(0, MAX - 1 - hash.length)}-${hash}`
    if (!isTaken(mapped)) return mapped
  }
}
