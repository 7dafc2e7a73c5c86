/** How the program ends, by what happened: scripts go by these numbers. */
export const exits = {
  ok: { code: 0, meaning: 'It is done.' },
  failed: { code: 1, meaning: 'It failed: SQL that does not run, input that is refused, a file that cannot be read.' },
  usage: { code: 2, meaning: 'The command line is not understood.' },
  auth: { code: 3, meaning: 'There is no token, or it is not (or no longer) good: `persql login`.' },
  not_found: { code: 4, meaning: 'What is named does not exist.' },
  refused: { code: 5, meaning: 'It may not be done: role, scope or rule, or it waits for approval or confirmation.' },
  balance: { code: 6, meaning: 'The prepaid balance is used up: `persql topup`.' },
  conflict: { code: 7, meaning: 'It conflicts with what is there.' },
  unavailable: { code: 8, meaning: 'Timeout, network error or rate limit.' },
  interrupted: { code: 130, meaning: 'Ended by Ctrl-C.' },
} as const

export type Exit = keyof typeof exits
