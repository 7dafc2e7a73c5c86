import { PerSQLError } from '@persql/sdk'
import type { Exit } from './exit-codes.ts'

/** A failure on this side of the network. */
export class CliError extends Error {
  readonly exit: Exit
  readonly code: string
  constructor(exit: Exit, code: string, message: string, cause?: unknown) {
    super(message, { cause })
    this.exit = exit
    this.code = code
  }
}

/** A command line that is not understood. */
export const usage = (message: string) => new CliError('usage', 'usage', message)

const byStatus: Record<number, Exit> = {
  401: 'auth',
  402: 'balance',
  403: 'refused',
  404: 'not_found',
  409: 'conflict',
}

/** How the program ends after this failure. */
export function exitOf(error: unknown): Exit {
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
