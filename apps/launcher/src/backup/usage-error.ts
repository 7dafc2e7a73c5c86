/** Thrown if a command can't run with these arguments, folder or target. Nothing was changed. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
  /** The exit code of the command. */
  readonly exitCode = 2
}
