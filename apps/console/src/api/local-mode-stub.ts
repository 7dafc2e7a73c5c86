/** Stands where the SDK has SQLite in the same process. */
export const openLocal = (): never => {
  throw new Error("Local mode isn't available in the console.")
}
