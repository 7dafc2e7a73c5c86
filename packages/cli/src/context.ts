import { type Me, PerSQL, type PerSQLDatabase } from '@persql/sdk'
import { findSlug } from '../../sdk/src/branch.ts'
import { CliError, usage } from './cli-error.ts'
import { type Config, configFile, type Profile, readConfig, writeConfig } from './config.ts'
import { refreshToken } from './login/renew.ts'
import { Progress } from './progress.ts'

/** `namespace/database` or `database`, each with an optional `.ref` of a branch. */
const ADDRESS = /^(?:([a-z][a-z0-9-]{0,62})\/)?([a-z][a-z0-9-]{0,62})(?:\.(.+))?$/s

const HOSTED = 'https://api.persql.com'

/** The global options of a command line. */
export interface Common {
  json: boolean
  profile: string | undefined
  url: string | undefined
  quiet: boolean
}

/** The server and token of a call. */
export interface Access {
  url: string
  token: string
}

/** The context of a command: profile, server, token and output. */
export class Context {
  readonly json: boolean
  readonly quiet: boolean
  readonly profileName: string
  readonly env: NodeJS.ProcessEnv
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal
  readonly #url: string | undefined
  #access: Promise<Access> | undefined
  #me: Promise<Me> | undefined

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

  /** Saves the profile, or removes it if `undefined`. */
  async keep(profile: Profile | undefined): Promise<void> {
    const { profiles } = await this.readConfig()
    const { [this.profileName]: _, ...others } = profiles
    await writeConfig(this.configFile, { profiles: profile ? { ...others, [this.profileName]: profile } : others })
  }

  /** Returns the current profile. */
  async profile(): Promise<Profile | undefined> {
    const { profiles } = await this.readConfig()
    return Object.hasOwn(profiles, this.profileName) ? profiles[this.profileName] : undefined
  }

  /** Returns the server to log in to. */
  async loginUrl(): Promise<string> {
    return this.#url ?? (await this.profile())?.url ?? HOSTED
  }

  /** Returns the server and token for calls. */
  access(): Promise<Access> {
    this.#access ??= this.#reach()
    return this.#access
  }

  async persql(): Promise<PerSQL> {
    const { url, token } = await this.access()
    return new PerSQL({ baseURL: url, token, signal: this.signal })
  }

  /** Returns the namespace of the token. */
  async namespace(): Promise<string> {
    return (await this.#whoami()).namespaceSlug
  }

  /**
   * Returns the namespace and slug of `namespace/database`, of a database in the token's namespace, or of the branch
   * `database.ref`. Without an address, of the only database the token has access to.
   */
  async address(text: string | undefined): Promise<[namespace: string, database: string]> {
    if (text === undefined) return this.#ownDatabase()
    const [, given, slug, ref] = ADDRESS.exec(text) ?? []
    if (slug === undefined) throw usage(`Invalid database address "${text}". Expected namespace/database.`)
    const namespace = given ?? (await this.namespace())
    return [namespace, ref === undefined ? slug : await this.#branch(namespace, slug, ref)]
  }

  async database(text: string | undefined): Promise<PerSQLDatabase> {
    const [namespace, slug] = await this.address(text)
    return (await this.persql()).database(namespace, slug)
  }

  /** Returns the slug of a database, which must be in the token's namespace. */
  async ownSlug(text: string | undefined): Promise<string> {
    const [namespace, slug] = await this.address(text)
    if (namespace !== (await this.namespace())) {
      throw new CliError(
        'refused',
        'namespace_mismatch',
        `This token belongs to the namespace "${await this.namespace()}", not "${namespace}".`,
      )
    }
    return slug
  }

  /** Returns a progress line for a long task. */
  progress(label: string): Progress {
    return new Progress(label, !this.json && !this.quiet && process.stderr.isTTY === true)
  }

  /** Prints a note to stderr. */
  note(text: string): void {
    if (!this.json && !this.quiet) process.stderr.write(`${text}\n`)
  }

  #whoami(): Promise<Me> {
    this.#me ??= this.persql().then((persql) => persql.me())
    return this.#me
  }

  async #ownDatabase(): Promise<[namespace: string, database: string]> {
    const { namespaceSlug, database, branch } = await this.#whoami()
    if (!database) {
      const message =
        'This token has access to several databases. Pass one as namespace/database, or set PERSQL_DATABASE.'
      throw new CliError('usage', 'database_missing', message)
    }
    this.note(`Using ${namespaceSlug}/${database}${branch ? ` (branch ${branch})` : ''}.`)
    return [namespaceSlug, database]
  }

  async #branch(namespace: string, parent: string, ref: string): Promise<string> {
    const persql = await this.persql()
    const { get } = persql.database(namespace, parent).branches
    return findSlug(parent, ref, { get, list: persql.databases.list })
  }

  async #reach(): Promise<Access> {
    const given = this.env.PERSQL_TOKEN
    const profile = await this.profile()
    if (given) return { url: this.#url ?? profile?.url ?? HOSTED, token: given }
    if (!profile) {
      throw new CliError(
        'auth',
        'not_logged_in',
        `Not logged in. Run persql login${this.#login()}, or set PERSQL_TOKEN.`,
      )
    }
    // A saved token is sent only to the server it was saved for, so that a PERSQL_API_URL in a folder's .env can't steal it.
    if (this.#url !== undefined && this.#url !== profile.url) {
      const message = `The token in profile "${this.profileName}" is for ${profile.url}, not ${this.#url}. Log in to that server, or set PERSQL_TOKEN.`
      throw new CliError('auth', 'other_server', message)
    }
    const { url, token } = await refreshToken(profile, this.signal, (next) => this.keep(next))
    return { url, token }
  }

  #login(): string {
    return this.profileName === 'default' ? '' : ` --profile ${this.profileName}`
  }
}

function address(url: string | undefined): string | undefined {
  if (!url) return undefined
  if (!URL.canParse(url) || !/^https?:/.test(url)) throw usage(`Invalid server URL "${url}". Expected http(s)://….`)
  return url.replace(/\/+$/, '')
}
