import type { WelcomeCredit } from '@persql/contract'
import type { Env } from '../env.ts'
import { canSendMail } from '../integrations/mail.ts'
import { getSettings } from '../settings.ts'
import type { Migration } from '../storage/migrate.ts'
import type { Accounts } from './accounts.ts'
import { listIdentities } from './person.ts'

export const WELCOME_CREDIT: Migration = {
  name: 'welcome credit once per person',
  sql: `
    -- Persons who had the welcome credit, as keyed hashes, and the namespace that got it. Outlives accounts and namespaces.
    CREATE TABLE welcome_claim (person TEXT PRIMARY KEY, slug TEXT NOT NULL, claimed_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    -- The decision about the welcome credit. NULL for namespaces of the operator, and for older ones.
    ALTER TABLE namespace ADD COLUMN welcome TEXT;
    CREATE INDEX namespace_founder ON namespace (founder) WHERE founder IS NOT NULL;
  `,
}

/** Whether a namespace gets the welcome credit, or the reason why not. */
export type WelcomeDecision = 'granted' | NonNullable<WelcomeCredit['reason']>

/** A reserved slug with the decision about its welcome credit. */
export interface ReservedNamespace {
  readonly slug: string
  readonly credit: WelcomeDecision
}

/** The person behind an account, as keyed hashes. */
export interface HashedPerson {
  /** Hashes of everything that identifies the person, the account first. */
  readonly hashes: readonly string[]
  /** Whether the account proves a person. */
  readonly isProven: boolean
}

/** The fingerprint of the key that the claims are hashed with. */
const KEY = 'welcome-claims-key'

/** Decides which new namespaces get the welcome credit, and records who had it. */
export class WelcomeClaims {
  readonly #storage: DurableObjectStorage
  readonly #env: Env
  readonly #accounts: Accounts
  #ready: Promise<CryptoKey> | undefined

  constructor(storage: DurableObjectStorage, env: Env, accounts: Accounts) {
    this.#storage = storage
    this.#env = env
    this.#accounts = accounts
  }

  /** Returns the person behind an account. Call it before `decide`, which can't wait. */
  async identify(userId: string): Promise<HashedPerson> {
    this.#ready ??= this.#prepare().catch((cause: unknown) => {
      this.#ready = undefined
      throw cause
    })
    return this.#hash(userId, await this.#ready)
  }

  /**
   * Returns the decision for a reserved slug. It is made once per slug, so an interrupted creation gets the same one.
   * Call it in the transaction of the reservation.
   */
  decide(slug: string, person: HashedPerson, nowMs: number): WelcomeDecision {
    const { sql } = this.#storage
    const known = sql.exec<{ welcome: WelcomeDecision | null }>('SELECT welcome FROM namespace WHERE slug = ?', slug)
    const { welcome } = known.one()
    if (welcome !== null) return welcome
    const claims = this.#findClaims(person)
    const decision = this.#judge(slug, claims, person.isProven)
    sql.exec('UPDATE namespace SET welcome = ? WHERE slug = ?', decision, slug)
    if (decision === 'granted' || decision === 'already_received') this.#claim(person, claims[0] ?? slug, nowMs)
    return decision
  }

  /** Returns the namespaces of a user whose creation was interrupted after the decision. */
  listInterrupted(userId: string): ReservedNamespace[] {
    return this.#storage.sql
      .exec<{ slug: string; credit: WelcomeDecision }>(
        "SELECT slug, welcome AS credit FROM namespace WHERE founder = ? AND id = '' AND welcome IS NOT NULL",
        userId,
      )
      .toArray()
  }

  #judge(slug: string, claims: readonly string[], isProven: boolean): WelcomeDecision {
    const { welcomeCreditNano, welcomeCredit } = getSettings(this.#env)
    if (welcomeCreditNano === 0) return 'disabled'
    if (welcomeCredit === 'namespace') return 'granted'
    if (claims.some((claimedBy) => claimedBy !== slug)) return 'already_received'
    return isProven || claims.length > 0 ? 'granted' : 'not_verified'
  }

  /** Returns the namespaces that got the credit for a person. Only an upgrade or a new key can leave several. */
  #findClaims({ hashes }: HashedPerson): string[] {
    const rows = this.#storage.sql.exec<{ slug: string }>(
      'SELECT slug FROM welcome_claim WHERE person IN (SELECT value FROM json_each(?)) ORDER BY claimed_at, slug',
      JSON.stringify(hashes),
    )
    return [...rows].map(({ slug }) => slug)
  }

  #claim({ hashes }: HashedPerson, slug: string, nowMs: number): void {
    const insert = 'INSERT INTO welcome_claim VALUES (?, ?, ?) ON CONFLICT DO NOTHING'
    for (const person of hashes) this.#storage.sql.exec(insert, person, slug, nowMs)
  }

  /**
   * Returns the key of the hashes. With a new key, which includes the first start with this code, everyone who founded
   * a namespace with credit is recorded first.
   */
  async #prepare(): Promise<CryptoKey> {
    if (!this.#env.PERSQL_SECRET) throw new Error('PERSQL_SECRET is required.')
    const secret = new TextEncoder().encode(`welcome:${this.#env.PERSQL_SECRET}`)
    const key = await crypto.subtle.importKey('raw', secret, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign'])
    const fingerprint = await sign(key, 'fingerprint')
    if (this.#storage.kv.get<string>(KEY) === fingerprint) return key
    const founders = this.#listFounders()
    const persons = await Promise.all(founders.map(({ founder }) => this.#hash(founder, key)))
    this.#storage.transactionSync(() => {
      persons.forEach((person, i) => {
        const { slug, createdAtMs } = founders[i] as Founder
        this.#claim(person, slug, createdAtMs)
      })
      this.#storage.kv.put(KEY, fingerprint)
    })
    return key
  }

  /** Returns everyone who had the credit. A namespace that exists comes before one that is only reserved. */
  #listFounders(): Founder[] {
    return this.#storage.sql
      .exec<Founder>(
        `SELECT founder, slug, created_at AS createdAtMs FROM namespace
         WHERE founder IS NOT NULL AND (welcome IS NULL OR welcome IN ('granted', 'already_received'))
         ORDER BY id = '', created_at`,
      )
      .toArray()
  }

  async #hash(userId: string, key: CryptoKey): Promise<HashedPerson> {
    const account = this.#accounts.proven(userId)
    const identities = account ? listIdentities(account) : []
    // Without mail, no email address can be verified. The first account is then the only one that proves a person.
    const isFirst = identities.length === 0 && !canSendMail(this.#env) && this.#accounts.first() === userId
    const all = [`account:${userId}`, ...identities, ...(isFirst ? ['first account'] : [])]
    const hashes = await Promise.all(all.map((identity) => sign(key, identity)))
    return { hashes, isProven: hashes.length > 1 }
  }
}

interface Founder extends Record<string, string | number> {
  readonly founder: string
  readonly slug: string
  readonly createdAtMs: number
}

async function sign(key: CryptoKey, text: string): Promise<string> {
  return new Uint8Array(await crypto.subtle.sign('HMAC', key, new TextEncoder().encode(text))).toHex()
}
