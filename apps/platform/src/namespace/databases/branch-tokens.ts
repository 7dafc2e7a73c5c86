import type { Api, BranchRole, Database, Output, Role } from '@persql/contract'
import { type Authority, derive, expiryWithin, type WantedAuthority } from '../../authority.ts'
import { now, toIso } from '../../clock.ts'
import { assertPageMayUse } from '../../page-origin.ts'
import { selectIds } from '../../selection.ts'
import type { Audit } from '../audit.ts'
import { type Credentials, type Minter, toCreatorId } from '../tokens/credentials.ts'
import type { Secret, Tokens } from '../tokens/tokens.ts'
import type { BranchRecords } from './branch-records.ts'
import type { DatabaseRecord } from './database-rows.ts'

/** The services that tokens of branches depend on. */
export interface BranchTokensOptions {
  readonly storage: DurableObjectStorage
  readonly records: BranchRecords
  readonly tokens: Tokens
  readonly credentials: Pick<Credentials, 'getAuthority' | 'creator'>
  readonly audit: Audit
  readonly slug: () => string
}

/** The role and expiry of a token that is created after its branch. */
export interface WantedToken {
  readonly role: Role
  readonly expiresAtMs: number | null
}

/** The token of a handoff, and the origins of the pages that can use it. */
export interface RedeemedHandoff extends Pick<Authority, 'origins'> {
  readonly claimed: Output<Api['redeem_handoff']>
}

const ROLES: { readonly [role in BranchRole]: Role } = { read: 'readonly', write: 'readwrite', admin: 'admin' }
const CLAIMED_S = 60 * 60
const HANDOFF_S = 15 * 60
const HANDED_OFF_S = 24 * 60 * 60

/** Creates the tokens that are limited to one branch, and the handoffs that can be redeemed for one. */
export class BranchTokens {
  readonly #options: BranchTokensOptions

  constructor(options: BranchTokensOptions) {
    this.#options = options
  }

  /** Returns the token that a caller can claim. @throws PerSQLError `exceeds_parent` or `token_unknown` */
  wanted(role: BranchRole, ttlS: number | undefined, minter: Minter): WantedToken {
    const { credentials } = this.#options
    const wantedMs = ttlS === undefined ? undefined : ttlS === 0 ? null : now() + ttlS * 1000
    const endsAtMs = credentials.getAuthority(minter)?.expiresAtMs ?? null
    const expiresAtMs = expiryWithin(endsAtMs, wantedMs, now() + CLAIMED_S * 1000, 'ttlSec')
    const wanted = { role: ROLES[role], expiresAtMs }
    this.#derive(credentials.getAuthority(minter), wanted)
    return wanted
  }

  /** Creates the token of a claimed branch. @throws PerSQLError `token_unknown` if its creator ended */
  add(record: DatabaseRecord, ref: string, wanted: WantedToken, secret: Secret, minter: Minter) {
    const { credentials, tokens, storage } = this.#options
    storage.transactionSync(() => {
      // Check again: the credential can have ended in the meantime.
      const authority = this.#derive(credentials.getAuthority(minter), { ...wanted, opens: selectIds([record.id]) })
      tokens.add(secret, { name: `branch ${ref}`, ...authority, mintedBy: toCreatorId(minter) }, now())
    })
    return this.#claimed(record, secret.secret, ref, wanted.expiresAtMs)
  }

  /** Creates a handoff. @throws PerSQLError `exceeds_parent` or `token_unknown` */
  handOff(
    { id, slug }: Database,
    role: BranchRole,
    ttlS: number | undefined,
    hash: string,
    minter: Minter,
    actor: string,
  ): { expiresAt: string } {
    const { records, audit, credentials } = this.#options
    const authority = credentials.getAuthority(minter)
    const wantedMs = ttlS === undefined ? undefined : now() + ttlS * 1000
    const standardMs = now() + HANDOFF_S * 1000
    const expiresAtMs = expiryWithin(authority?.expiresAtMs ?? null, wantedMs, standardMs, 'ttlSec') ?? standardMs
    this.#derive(authority, { role: ROLES[role], expiresAtMs })
    records.addHandoff(hash, id, role, expiresAtMs, toCreatorId(minter))
    audit.add(actor, 'database.branch_handed_off', slug, { role }, now())
    return { expiresAt: toIso(expiresAtMs) }
  }

  /**
   * Creates the token of a handoff, and returns it with its origins. `origin` is that of the calling page.
   * @throws PerSQLError `handoff_not_found`, or `origin_not_allowed` without redeeming the handoff
   */
  redeem(hash: string, secret: Secret, origin: string | undefined): RedeemedHandoff {
    const { records, tokens, audit, storage, credentials } = this.#options
    return storage.transactionSync(() => {
      const nowMs = now()
      const { record, ref, branchExpiresAtMs, mintedBy, ...handoff } = records.takeHandoff(hash, nowMs)
      const role = handoff.role as BranchRole
      // A handoff ends with its creator, so the creator still exists.
      const creator = credentials.creator(mintedBy)
      const lastsMs = branchExpiresAtMs ?? nowMs + HANDED_OFF_S * 1000
      const expiresAtMs = Math.min(lastsMs, creator?.expiresAtMs ?? lastsMs)
      const authority = this.#derive(creator, { role: ROLES[role], opens: selectIds([record.id]), expiresAtMs })
      assertPageMayUse(authority.origins, origin)
      tokens.add(secret, { name: `handoff ${ref}`, ...authority, mintedBy }, nowMs)
      audit.add('handoff', 'token.created', record.slug, { role, mintedBy }, nowMs)
      return {
        claimed: { ...this.#claimed(record, secret.secret, ref, expiresAtMs), role },
        origins: authority.origins,
      }
    })
  }

  #derive(creator: Authority | null, wanted: WantedAuthority): Authority {
    const { findPlace } = this.#options.tokens.selections
    return derive(creator, wanted, { findPlace, expiryField: 'ttlSec' })
  }

  #claimed({ slug }: DatabaseRecord, token: string, branchRef: string, expiresAtMs: number | null) {
    const expiresAt = toIso(expiresAtMs)
    return { branchRef, databaseSlug: slug, namespaceSlug: this.#options.slug(), token, expiresAt }
  }
}
