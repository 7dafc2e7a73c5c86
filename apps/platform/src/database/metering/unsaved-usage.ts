import { add, NOTHING, type Totals } from '../../money.ts'

interface Entry {
  /** The generation of the file when it was charged. The next save includes it. */
  readonly generation: number
  used: Totals
}

/** Entries by database ID. They belong to the process, so they survive when the runtime ends an object. */
const entries = new Map<string, Entry[]>()

/**
 * Remembers usage that isn't on disk yet, so that every answered request is billed: the runtime can end an object and
 * its memory, for example on a full disk. The usage of a write isn't remembered, because it is saved with the write or
 * not at all.
 */
export function rememberUsage(id: string, generation: number, used: Totals): void {
  let own = entries.get(id)
  if (own === undefined) {
    own = []
    entries.set(id, own)
  }
  const last = own.at(-1)
  if (last?.generation === generation) last.used = add(last.used, used)
  else own.push({ generation, used })
}

/** Returns the usage that the file lacks, given its generation; `undefined` without any. */
export function recoverUsage(id: string, generation: number): Totals | undefined {
  const own = entries.get(id)?.filter((entry) => entry.generation >= generation)
  entries.delete(id)
  if (!own?.length) return undefined
  const used = own.reduce((sum, entry) => add(sum, entry.used), NOTHING)
  rememberUsage(id, generation, used)
  return used
}

/** Returns whether some usage of a database may not be on disk yet. */
export const hasUnsavedUsage = (id: string): boolean => entries.has(id)

/** Forgets the usage that a file with this generation has. */
export function forgetSaved(id: string, generation: number): void {
  const own = entries.get(id)?.filter((entry) => entry.generation >= generation)
  if (own?.length) entries.set(id, own)
  else entries.delete(id)
}

/** Forgets all usage of a database that was deleted. */
export const forgetUsage = (id: string): void => void entries.delete(id)
