/** Keys of credentials that ended, until every active database refuses them. */
export class EndedKeys {
  readonly #refuse: (keys: readonly string[]) => Promise<void>
  #keys: string[] = []

  /** @param refuse resolves when every active database refuses these keys */
  constructor(refuse: (keys: readonly string[]) => Promise<void>) {
    this.#refuse = refuse
  }

  add(keys: readonly string[]): void {
    this.#keys.push(...keys)
  }

  /** Resolves when every active database refuses the keys that were added. */
  async notify(): Promise<void> {
    const keys = this.#keys
    this.#keys = []
    if (keys.length > 0) await this.#refuse(keys)
  }
}
