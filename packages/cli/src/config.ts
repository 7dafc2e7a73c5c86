import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { CliError } from './cli-error.ts'

/** A saved login. */
export interface Profile {
  url: string
  token: string
  namespace: string
  /** How to refresh the token, for a login through the browser. */
  renewal?: Renewal
}

/** The data to refresh an expired access token. */
export interface Renewal {
  tokenEndpoint: string
  clientId: string
  refreshToken: string
  resource: string
  /** Milliseconds since 1970. */
  expiresAt: number
}

/** The saved configuration. */
export interface Config {
  profiles: Record<string, Profile>
}

const folder = (env: NodeJS.ProcessEnv, variable: string, usual: string) =>
  join(env[variable] || join(homedir(), usual), 'persql')

/** Returns the path of the configuration file. */
export const configFile = (env: NodeJS.ProcessEnv): string =>
  join(
    process.platform === 'win32'
      ? folder(env, 'APPDATA', 'AppData/Roaming')
      : folder(env, 'XDG_CONFIG_HOME', '.config'),
    'config.json',
  )

/** Returns the path of the shell's history file. */
export const historyFile = (env: NodeJS.ProcessEnv): string =>
  join(folder(env, 'XDG_STATE_HOME', '.local/state'), 'history')

/** Reads the configuration. A missing file is an empty configuration. */
export async function readConfig(file: string): Promise<Config> {
  try {
    const { profiles } = JSON.parse(await readFile(file, 'utf8'))
    return { profiles: Object(profiles) }
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return { profiles: {} }
    throw new CliError('failed', 'config_unreadable', `Can't read ${file}: ${(cause as Error).message}`, cause)
  }
}

/** Saves the profiles, readable only by their owner. The file is replaced atomically. */
export async function writeConfig(file: string, config: Config): Promise<void> {
  await writePrivately(file, `${JSON.stringify(config, null, 2)}\n`)
}

/** Writes a file atomically, readable only by its owner. */
export async function writePrivately(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  const draft = `${file}.${crypto.randomUUID()}`
  await writeFile(draft, text, { mode: 0o600, flag: 'wx' })
  await rename(draft, file)
}
