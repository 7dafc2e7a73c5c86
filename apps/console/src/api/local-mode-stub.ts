/** Replaces the SDK's local mode, which runs SQLite in the same process. */
export const openLocal = (): never => {
  throw new Error("Local mode isn't available in the console.")
}
