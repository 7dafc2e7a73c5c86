import { PerSQL, type PerSQLDatabase } from '@persql/sdk'
import { type Config, configFile, type Profile, readConfig, writeConfig } from './config.ts'
import { CliError, usage } from './exits.ts'
import { renewed } from './login/renew.ts'
import { Progress } from './progress.ts'

const HOSTED = 'https://api.persql.com'

/** What stands on every command line. */
export interface Common {
  json: boolean
  profile: string | undefined
  url: string | undefined
  quiet: boolean
}

/** Where a call goes, and with what. */
export interface Access {
  url: string
  token: string
}

/** What a command needs of its surroundings. */
export class Context {
  readonly json: boolean
  readonly quiet: boolean
  readonly profileName: string
  readonly env: NodeJS.ProcessEnv
  /** Ends with Ctrl-C. */
  readonly signal: AbortSignal
  readonly #url: string | undefined
  #access: Promise<Access> | undefined
  #namespace: Promise<string> | undefined

  constructor(given: Common, env: NodeJS.ProcessEnv, signal: AbortSignal) {
    this.json = given.json
    this.quiet = given.quiet
    this.profileName = given.profile ?? env.PERSQL_PROFILE ?? 'default'
    this.#url = address(given.url ?? env.PERSQL_API_URL)
    this.env = env
    this.signal = signal
  }

  get configFile(): string {
    return configFile(this.env)
  }

  readConfig(): Promise<Config> {
    return readConfig(this.configFile)
  }

  /** Keeps an account, or with nothing forgets it. */
  async keep(profile: Profile | undefined): Promise<void> {
    const { profiles } = await this.readConfig()
    const { [this.profileName]: _, ...others } = profiles
    await writeConfig(this.configFile, { profiles: profile ? { ...others, [this.profileName]: profile } : others })
  }

  /** The account of the profile in use. */
  async profile(): Promise<Profile | undefined> {
    const { profiles } = await this.readConfig()
    return Object.hasOwn(profiles, this.profileName) ? profiles[this.profileName] : undefined
  }

  /** The server a login is for. */
  async loginUrl(): Promise<string> {
    return this.#url ?? (await this.profile())?.url ?? HOSTED
  }

  /** Where calls go, and the token that goes with them. */
  access(): Promise<Access> {
    this.#access ??= this.#reach()
    return this.#access
  }

  async persql(): Promise<PerSQL> {
    const { url, token } = await this.access()
    return new PerSQL({ baseURL: url, token, signal: this.signal })
  }

  /** The namespace of the token. */
  namespace(): Promise<string> {
    this.#namespace ??= this.persql().then(async (persql) => (await persql.me()).namespaceSlug)
    return this.#namespace
  }

  /** `namespace/database`, or a database of the token's namespace. */
  async address(text: string): Promise<[namespace: string, database: string]> {
    const [first = '', second, more] = text.split('/')
    const parts: [string, string] = second === undefined ? [await this.namespace(), first] : [first, second]
    if (more !== undefined || !parts.every((part) => /^[a-z][a-z0-9-]{0,62}$/.test(part))) {
      throw usage(`"${text}" is no database: give namespace/database.`)
    }
    return parts
  }

  async database(text: string): Promise<PerSQLDatabase> {
    const [namespace, slug] = await this.address(text)
    return (await this.persql()).database(namespace, slug)
  }

  /** The slug of a database that must be of the token's own namespace. */
  async ownSlug(text: string): Promise<string> {
    const [namespace, slug] = await this.address(text)
    if (namespace !== (await this.namespace())) {
      throw new CliError(
        'refused',
        'namespace_mismatch',
        `This token is of "${await this.namespace()}", not of "${namespace}".`,
      )
    }
    return slug
  }

  /** Tells people how far long work is. */
  progress(label: string): Progress {
    return new Progress(label, !this.json && !this.quiet && process.stderr.isTTY === true)
  }

  /** Tells people something beside the answer. */
  note(text: string): void {
    if (!this.json && !this.quiet) process.stderr.write(`${text}\n`)
  }

  async #reach(): Promise<Access> {
    const given = this.env.PERSQL_TOKEN
    const profile = await this.profile()
    if (given) return { url: this.#url ?? profile?.url ?? HOSTED, token: given }
    if (!profile) {
      throw new CliError('auth', 'not_logged_in', `Log in first: persql login${this.#login()}, or set PERSQL_TOKEN.`)
    }
    // A kept token goes to the server that it was kept for: a PERSQL_API_URL of some folder's .env must not collect it.
    if (this.#url !== undefined && this.#url !== profile.url) {
      const message = `The token of profile "${this.profileName}" is for ${profile.url}, not for ${this.#url}: log in there, or set PERSQL_TOKEN.`
      throw new CliError('auth', 'other_server', message)
    }
    const { url, token } = await renewed(profile, this.signal, (next) => this.keep(next))
    return { url, token }
  }

  #login(): string {
    return this.profileName === 'default' ? '' : ` --profile ${this.profileName}`
  }
}

function address(url: string | undefined): string | undefined {
  if (!url) return undefined
  if (!URL.canParse(url) || !/^https?:/.test(url)) throw usage(`"${url}" is no address of a server: give http(s)://….`)
  return url.replace(/\/+$/, '')
}
