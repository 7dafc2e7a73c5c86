import { basename } from 'node:path'

/** The command that runs the operator's commands: that of the package @persql/server, or the script of a clone. */
export const operatorCommand = basename(process.argv[1] ?? '').startsWith('persql-server')
  ? 'persql-server'
  : 'npm run operator --'
