import { crc32 } from 'node:zlib'

const MAX = 63

/**
 * The slug of a branch's database, `<parent>-<ref>`: lowered, with `-` for what a slug cannot have, and with a short
 * hash of the ref where that, or `isTaken`, would make two refs one slug.
 */
export function branchSlug(parent: string, ref: string, isTaken: (slug: string) => boolean): string {
  const plain = `${parent}-${ref}`
  const slug = plain.toLowerCase().replace(/[^a-z0-9-]/g, '-')
  if (slug === plain && slug.length <= MAX && !isTaken(slug)) return slug
  const hash = crc32(ref).toString(36).padStart(7, '0')
  const mapped = `${slug.slice(0, MAX - 1 - hash.length)}-${hash}`
  return slug.length <= MAX && !isTaken(slug) ? slug : mapped
}
