import { type Me, PerSQL, type PerSQLDatabase } from '@persql/sdk'
import { slugOf } from '../../sdk/src/branch.ts'
import { type Config, configFile, type Profile, readConfig, writeConfig } from './config.ts'
import { CliError, usage } from './exits.ts'
import { renewed } from './login/renew.ts'
import { Progress } from './progress.ts'

/** `namespace/database`, `database`, or either with `.ref` of a branch behind it. */
const ADDRESS = /^(?:([a-z][a-z0-9-]{0,62})\/)?([a-z][a-z0-9-]{0,62})(?:\.(.+))?$/s

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
  async namespace(): Promise<string> {
    return (await this.#whoami()).namespaceSlug
  }

  /**
   * Namespace and slug of `namespace/database`, of a database of the token's namespace, or of a branch behind
   * `database.ref`. With nothing, those of the only database that the token opens.
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

  /** The slug of a database that must be of the token's own namespace. */
  async ownSlug(text: string | undefined): Promise<string> {
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

  #whoami(): Promise<Me> {
    this.#me ??= this.persql().then((persql) => persql.me())
    return this.#me
  }

  async #ownDatabase(): Promise<[namespace: string, database: string]> {
    const { namespaceSlug, database, branch } = await this.#whoami()
    if (!database) {
      const message = 'This token opens several databases. Name one as namespace/database, or set PERSQL_DATABASE.'
      throw new CliError('usage', 'database_missing', message)
    }
    this.note(`Using ${namespaceSlug}/${database}${branch ? ` (branch ${branch})` : ''}.`)
    return [namespaceSlug, database]
  }

  async #branch(namespace: string, parent: string, ref: string): Promise<string> {
    const persql = await this.persql()
    const { get } = persql.database(namespace, parent).branches
    return slugOf(parent, ref, { get, list: () => persql.databases.list() })
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
