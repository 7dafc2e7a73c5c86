/** Blocks writes while something reads one state of the database in several turns. */
export class WriteFreeze {
  #holders = 0
  #thaw: (() => void) | undefined
  #frozen: Promise<void> | undefined

  /** A promise that writes have to wait for; `undefined` while they can run. */
  get frozen(): Promise<void> | undefined {
    return this.#frozen
  }

  /** Blocks writes until the returned function is called, which must happen once. */
  freeze(): () => void {
    this.#holders++
    this.#frozen ??= new Promise((resolve) => {
      this.#thaw = resolve
    })
    return () => {
      this.#holders--
      if (this.#holders > 0) return
      this.#thaw?.()
      this.#frozen = undefined
    }
  }
}
