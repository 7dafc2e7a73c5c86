import { PerSQLError } from '@persql/sdk'
import type { Exit } from './exit-codes.ts'

/** An error of the CLI itself. */
export class CliError extends Error {
  readonly exit: Exit
  readonly code: string
  constructor(exit: Exit, code: string, message: string, cause?: unknown) {
    super(message, { cause })
    this.exit = exit
    this.code = code
  }
}

/** Creates an error for an invalid command line. */
export const usage = (message: string) => new CliError('usage', 'usage', message)

const byStatus: Record<number, Exit> = {
  401: 'auth',
  402: 'balance',
  403: 'refused',
  404: 'not_found',
  409: 'conflict',
}

/** Returns the exit of an error. */
export function getExit(error: unknown): Exit {
  if (error instanceof CliError) return error.exit
  if (error instanceof PerSQLError) {
    const { status, code } = error
    if (code === 'not_persql') return status >= 500 || status === 429 ? 'unavailable' : 'failed'
    return (
      byStatus[status] ?? (status === 0 || status === 408 || status === 429 || status >= 500 ? 'unavailable' : 'failed')
    )
  }
  return (error as Error | undefined)?.name === 'AbortError' ? 'interrupted' : 'failed'
}
