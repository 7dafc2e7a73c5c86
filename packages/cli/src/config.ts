import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { CliError } from './exits.ts'

/** An account that logged in. */
export interface Profile {
  url: string
  token: string
  namespace: string
  /** Of a login in the browser: how to get the next token. */
  renewal?: Renewal
}

/** What gets the next access token once one has expired. */
export interface Renewal {
  tokenEndpoint: string
  clientId: string
  refreshToken: string
  resource: string
  /** Milliseconds since 1970. */
  expiresAt: number
}

/** What is kept between calls. */
export interface Config {
  profiles: Record<string, Profile>
}

const folder = (env: NodeJS.ProcessEnv, variable: string, usual: string) =>
  join(env[variable] || join(homedir(), usual), 'persql')

/** Where accounts are kept. */
export const configFile = (env: NodeJS.ProcessEnv): string =>
  join(
    process.platform === 'win32'
      ? folder(env, 'APPDATA', 'AppData/Roaming')
      : folder(env, 'XDG_CONFIG_HOME', '.config'),
    'config.json',
  )

/** Where the shell keeps what was typed. */
export const historyFile = (env: NodeJS.ProcessEnv): string =>
  join(folder(env, 'XDG_STATE_HOME', '.local/state'), 'history')

/** Reads the accounts; none is no error. */
export async function readConfig(file: string): Promise<Config> {
  try {
    const { profiles } = JSON.parse(await readFile(file, 'utf8'))
    return { profiles: Object(profiles) }
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return { profiles: {} }
    throw new CliError('failed', 'config_unreadable', `${file} cannot be read: ${(cause as Error).message}`, cause)
  }
}

/** Keeps the accounts for nobody else to read. Another process sees the old file or the new one. */
export async function writeConfig(file: string, config: Config): Promise<void> {
  await writePrivately(file, `${JSON.stringify(config, null, 2)}\n`)
}

/** Writes a file that only its owner can read, as a whole. */
export async function writePrivately(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  const draft = `${file}.${crypto.randomUUID()}`
  await writeFile(draft, text, { mode: 0o600, flag: 'wx' })
  await rename(draft, file)
}
