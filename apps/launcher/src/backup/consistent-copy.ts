import type { InstanceCopy } from './instance-copy.ts'
import type { DirectoryEntry } from './object-facts.ts'

/** The rounds in which objects that changed together during the backup are copied again. */
export const maxRounds = 20

/** The copies of namespaces. */
type NamespaceCopies = Pick<InstanceCopy, 'copyNamespace' | 'copyDirectory' | 'isMissing' | 'leaveOut' | 'namespaces'>

/**
 * Copies each namespace before its databases, so that a copied database has at least the usage and the generation that
 * its namespace knows, and the Directory last, so that each account and claim in a namespace is there. Copies of
 * different times are copied again: a namespace that the Directory lists since or no longer, and the sender of a
 * transfer that its recipient already has, because that amount would be there twice. A namespace that changes all the
 * time is left out, so that no tenant can prevent the backup of others.
 */
export async function copyConsistently(copy: NamespaceCopies, slugs: readonly string[]): Promise<void> {
  let due = slugs
  for (let round = 1; ; round++) {
    for (const slug of due) await copy.copyNamespace(slug)
    const entries = await copy.copyDirectory()
    if (entries === undefined) return
    due = findOutdated(copy, entries)
    if (due.length === 0) return
    if (round === maxRounds) {
      for (const slug of due) copy.leaveOut(slug, `It changed in all ${maxRounds} attempts to copy it.`)
      return
    }
  }
}

/** Returns the namespaces whose copies don't fit the others. */
function findOutdated(copy: NamespaceCopies, entries: readonly DirectoryEntry[]): string[] {
  const due = new Set<string>()
  for (const { slug, isDeleted } of entries) {
    const known = copy.namespaces.get(slug)
    if (known === undefined ? !copy.isMissing(slug) : isDeleted && !known.isDeleted) due.add(slug)
  }
  for (const { received } of copy.namespaces.values()) {
    for (const { id, from } of received) {
      const sender = copy.namespaces.get(from)
      if (sender !== undefined && !sender.sent.has(id)) due.add(from)
    }
  }
  return [...due]
}
