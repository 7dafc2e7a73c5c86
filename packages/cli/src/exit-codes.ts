/** The exit codes of the program, which scripts rely on. */
export const exitCodes = {
  ok: { code: 0, meaning: 'Success.' },
  failed: { code: 1, meaning: 'Failure: an SQL error, invalid input, or an unreadable file.' },
  usage: { code: 2, meaning: 'Invalid command line.' },
  auth: { code: 3, meaning: 'Not authenticated, or the token is no longer valid. Run `persql login`.' },
  not_found: { code: 4, meaning: 'Not found.' },
  refused: { code: 5, meaning: 'Not allowed by role, scope or rule, or waiting for approval or confirmation.' },
  balance: { code: 6, meaning: 'The prepaid balance is empty. Run `persql topup`.' },
  conflict: { code: 7, meaning: 'Conflict with the current state.' },
  unavailable: { code: 8, meaning: 'Timeout, network error or rate limit. Try again later.' },
  interrupted: { code: 130, meaning: 'Interrupted with Ctrl-C.' },
} as const

export type Exit = keyof typeof exitCodes
