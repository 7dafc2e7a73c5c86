/** Stands where the SDK has SQLite in the same process. */
export const openLocal = (): never => {
  throw new Error('There is no local mode in the console.')
}
