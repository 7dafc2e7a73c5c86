import manifest from '../../../packages/server/package.json' with { type: 'json' }
import { main as start } from './main.ts'
import { main as operator } from './operator.ts'

const help = `persql-server [<command>]

  start        start PerSQL in the foreground (default); Ctrl-C stops it
               --backup-first, before it converts data of an older version, creates a backup in PERSQL_BACKUP;
               --backup-first=TARGET in a folder or s3://bucket/prefix
  --version    print the version
  --help       print this help

Settings come from the environment and from the file .env in this folder. Data is in PERSQL_DATA (default: ./data).

`

/**
 * Runs a command of the server: `start`, or a command of the operator, with or without the word `operator` before it.
 * Resolves with the exit code.
 */
export async function main([command = 'start', ...args]: string[]): Promise<number> {
  if (command === 'start') return isHelp(args[0]) ? printHelp() : start(args)
  if (command === 'operator') return operator(args)
  if (command === '--version' || command === '-v') {
    process.stdout.write(`${manifest.version}\n`)
    return 0
  }
  return isHelp(command) ? printHelp() : operator([command, ...args])
}

const isHelp = (argument: string | undefined): boolean => ['help', '--help', '-h'].includes(argument ?? '')

function printHelp(): Promise<number> {
  process.stdout.write(help)
  return operator(['--help'])
}
