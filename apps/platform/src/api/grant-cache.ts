import type { Grant } from '../database/calls/call.ts'

/** A grant and its JSON, serialized once: databases take it as text. */
export interface Admitted {
  readonly grant: Grant
  readonly text: string
  /** The only operations that the caller can use; `null` for all that its role allows. Databases don't check them. */
  readonly operations: ReadonlySet<string> | null
  /** Whether a caller that is limited to some databases has access to their branches. */
  readonly branches: boolean
}

const MAX_GRANTS = 20_000

/**
 * The grants of tokens that were accepted lately. Their number is limited for all tokens together: a limit for each token
 * would let a tenant with many tokens and many databases fill the memory of the process.
 */
export class GrantCache<Token extends object> {
  readonly #tokens = new Map<string, Token & { readonly grants: Map<string, Admitted> }>()
  readonly #max: number
  #size = 0

  constructor(max = MAX_GRANTS) {
    this.#max = max
  }

  /** The number of grants. */
  get size(): number {
    return this.#size
  }

  /** Returns what is known about a token, with its grants by database. */
  get(token: string): (Token & { readonly grants: ReadonlyMap<string, Admitted> }) | undefined {
    return this.#tokens.get(token)
  }

  /** Adds the grant of a token for a database. Tokens without a new grant for the longest time are removed first. */
  add(token: string, about: Token, database: string, grant: Admitted): void {
    const grants = this.#tokens.get(token)?.grants ?? new Map<string, Admitted>()
    this.delete(token)
    if (grants.size >= this.#max) grants.clear()
    grants.set(database, grant)
    this.#tokens.set(token, { ...about, grants })
    this.#size += grants.size
    for (const oldest of this.#tokens.keys()) {
      if (this.#size <= this.#max) return
      this.delete(oldest)
    }
  }

  delete(token: string): void {
    this.#size -= this.#tokens.get(token)?.grants.size ?? 0
    this.#tokens.delete(token)
  }
}
