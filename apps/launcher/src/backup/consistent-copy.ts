import type { InstanceCopy } from './instance-copy.ts'
import { type DirectoryEntry, findUnsent } from './object-facts.ts'

/** The rounds in which objects that changed together during the backup are copied again. */
export const maxRounds = 20
/** The namespaces that are copied at one moment. Each takes an open file. */
export const maxTogether = 200

/** The copies of namespaces. */
type NamespaceCopies = Pick<
  InstanceCopy,
  'copyNamespace' | 'copyNamespacesTogether' | 'copyDirectory' | 'isMissing' | 'leaveOut' | 'namespaces'
>

/**
 * Copies each namespace before its databases, so that a copied database has at least the usage and the generation that
 * its namespace knows, and the Directory last, so that each account and claim in a namespace is there. Copies of
 * different times are copied again: a namespace that the Directory lists since or no longer, and the sender and the
 * recipient of a transfer that only the recipient's copy has, because that amount would be there twice. These two are
 * copied at one moment, so that no tenant who transfers all the time can prevent the backup. A namespace that changes
 * in each round is left out, which can't prevent the backup of others either.
 */
export async function copyConsistently(copy: NamespaceCopies, slugs: readonly string[]): Promise<void> {
  const together = new Set<string>()
  let due = slugs
  for (let round = 1; ; round++) {
    for (const slug of due) await copy.copyNamespace(slug)
    if (together.size > 0) await copy.copyNamespacesTogether([...together])
    const entries = await copy.copyDirectory()
    if (entries === undefined) return
    const unsent = findUnsent(copy.namespaces)
    due = findListedSince(copy, entries)
    if (due.length === 0 && unsent.length === 0) return
    if (round === maxRounds) {
      const outdated = new Set([...due, ...unsent.map(({ from }) => from)])
      for (const slug of outdated) copy.leaveOut(slug, `It changed in all ${maxRounds} attempts to copy it.`)
      return
    }
    // Namespaces of earlier rounds stay: they would be older than those that are copied now.
    for (const slug of unsent.flatMap(({ from, to }) => [from, to])) {
      if (together.size < maxTogether) together.add(slug)
    }
    due = due.filter((slug) => !together.has(slug))
  }
}

/** Returns the namespaces that the Directory lists, or lists as deleted, since they were copied. */
function findListedSince(copy: NamespaceCopies, entries: readonly DirectoryEntry[]): string[] {
  const isDue = ({ slug, isDeleted }: DirectoryEntry): boolean => {
    const known = copy.namespaces.get(slug)
    return known === undefined ? !copy.isMissing(slug) : isDeleted && !known.isDeleted
  }
  return entries.filter(isDue).map(({ slug }) => slug)
}
