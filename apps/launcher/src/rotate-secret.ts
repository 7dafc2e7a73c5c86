import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { readFinishedRestore } from './backup/restore-marker.ts'
import { UsageError } from './backup/usage-error.ts'
import { DataInUseError, type DataLock, lockData } from './data-lock.ts'
import { secretFile, writeNewSecret } from './instance-secret.ts'

/** The help of the rotation. */
export const rotateSecretHelp = `  rotate-secret                         replace the operator secret in the data folder while PerSQL is
                                        stopped; all accounts sign in again
`

interface Printed {
  readonly text: string
  readonly exitCode: number
}

/** Runs `rotate-secret`, which never prints the secret. @throws UsageError if nothing was changed */
export async function runRotateSecret(args: readonly string[], environment: NodeJS.ProcessEnv): Promise<Printed> {
  const [, extra] = args
  if (extra === '--help' || extra === '-h') return { text: rotateSecretHelp, exitCode: 0 }
  if (extra !== undefined) throw new UsageError(`Unexpected argument "${extra}".\n\n${rotateSecretHelp}`)
  const data = resolve(environment.PERSQL_DATA || './data')
  if (environment.PERSQL_SECRET?.trim()) {
    throw new UsageError(
      'The operator secret comes from PERSQL_SECRET. Stop PerSQL, set PERSQL_SECRET to a new value where you set it (for example the output of "openssl rand -hex 32"), then start PerSQL. Nothing was changed.',
    )
  }
  const file = secretFile(data)
  if (!existsSync(file)) {
    throw new UsageError(`${file} not found. Set PERSQL_DATA to the data folder. The first start creates the secret.`)
  }
  const lock = await lockStopped(data)
  try {
    readFinishedRestore(data)
    await writeNewSecret(data)
  } finally {
    lock.release()
  }
  const next = 'Start PerSQL, then give the new secret to the programs that use it. All accounts sign in again.'
  return { text: `The operator secret in ${file} is new. ${next}\n`, exitCode: 0 }
}

async function lockStopped(data: string): Promise<DataLock> {
  try {
    return await lockData(data)
  } catch (cause) {
    if (!(cause instanceof DataInUseError)) throw cause
    throw new UsageError(`PerSQL is running on ${data}. Stop it, then rotate the secret. Nothing was changed.`, {
      cause,
    })
  }
}
