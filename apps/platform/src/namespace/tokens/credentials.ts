import { RpcTarget } from 'cloudflare:workers'
import {
  type Api,
  type Listed,
  type MintedToken,
  type Output,
  type Paging,
  type Parsed,
  PerSQLError,
  type Token,
} from '@persql/contract'
import { type Authority, assertInScope, derive, exceeds, excessOf } from '../../authority.ts'
import { now } from '../../clock.ts'
import type { Audit } from '../audit.ts'
import type { BranchRegistry } from '../databases/branch-registry.ts'
import type { Databases } from '../databases/databases.ts'
import type { ConnectedApps } from './connected-apps.ts'
import type { LiveToken, Secret, Tokens } from './tokens.ts'

/**
 * The credential that acts, and that ends everything it creates: the key of a token's secret, or the ID of an app's
 * grant. `null`: a member, whose tokens belong to the namespace.
 */
export type Minter = string | null

/** What credentials need of their namespace. */
export interface CredentialsOptions {
  readonly storage: DurableObjectStorage
  readonly tokens: Tokens
  readonly apps: ConnectedApps
  readonly databases: Databases
  readonly lineage: BranchRegistry
  readonly audit: Audit
  /** Resolves when every database that serves refuses these keys. */
  readonly refuse: (keys: readonly string[]) => Promise<void>
}

/** Creates, replaces and ends tokens: each at most with the access of its creator, and no longer than that lasts. */
export class Credentials extends RpcTarget {
  readonly #options: CredentialsOptions

  constructor(options: CredentialsOptions) {
    super()
    this.#options = options
  }

  /** Returns a page of the tokens of the namespace. A limited token sees itself and what it created. */
  list(paging: Paging, minter: Minter): Listed<Token> {
    const { tokens, apps } = this.#options
    apps.endLapsed()
    const caller = this.authorityOf(minter)
    const seesAll = minter === null || caller === null || (caller.tableScope === null && caller.opens === null)
    const own = seesAll ? null : tokens.origins.withDescendants(apps.tokensOf(idOf(minter)))
    return tokens.page(paging, own, now())
  }

  /** @throws PerSQLError `exceeds_parent`, `database_not_found`, or `token_unknown` if its creator ended */
  mint(secret: Secret, request: Parsed<Api['create_token']>, minter: Minter, actor: string): MintedToken {
    const { storage, tokens, audit } = this.#options
    return storage.transactionSync(() => {
      const nowMs = now()
      const parent = this.authorityOf(minter)
      const { name, role, tableScope, databases, claims, expiresIn } = request
      const opens = databases && this.#idsOf(databases, parent)
      const expiresAtMs = expiresIn === undefined ? undefined : nowMs + expiresIn * 1000
      const authority = derive(parent, { role, tableScope, opens, claims, expiresAtMs })
      const token = tokens.add(secret, { name, ...authority, mintedBy: idOf(minter) }, nowMs)
      audit.add(actor, 'token.created', token.id, { name, role, mintedBy: idOf(minter) }, nowMs)
      return token
    })
  }

  /** @throws PerSQLError `token_not_found`, or what `#assertManages` throws */
  async rotate(id: string, secret: Secret, minter: Minter, actor: string): Promise<MintedToken> {
    const { storage, tokens, audit, refuse } = this.#options
    const { token, replaced } = storage.transactionSync(() => {
      const nowMs = now()
      const target = tokens.get(id, nowMs)
      const isOwn = this.#assertManages(target, minter, 'rotate')
      if (target.app) {
        throw new PerSQLError('invalid_input', {
          problem:
            "An app's token can't be rotated, because the app renews it with OAuth. To end its access, revoke it.",
        })
      }
      // What the caller comes from lasts longer than the caller.
      if (!isOwn && this.#comesFrom(minter, target.id)) throw exceeds('expiresIn')
      // The new secret comes from the caller, so it ends with the caller, as a new token would.
      if (!isOwn) tokens.origins.move([id], idOf(minter))
      audit.add(actor, 'token.rotated', id, { name: target.name }, nowMs)
      return tokens.rotate(id, secret, nowMs)
    })
    await refuse([replaced])
    return token
  }

  /** Resolves when every database that serves refuses the token and what it created. */
  async revoke(
    id: string,
    children: 'revoke' | 'keep',
    minter: Minter,
    actor: string,
  ): Promise<Output<Api['revoke_token']>> {
    const { storage, tokens, apps, audit, refuse } = this.#options
    const { keys, descendants } = storage.transactionSync(() => {
      const nowMs = now()
      const target = tokens.get(id, nowMs)
      this.#assertManages(target, minter, 'revoke')
      const kept = children === 'keep' ? this.#keep(target, minter, nowMs) : 0
      audit.add(actor, 'token.revoked', id, { name: target.name, kept }, nowMs)
      const revoked = tokens.revoke([id], nowMs)
      if (!target.app) return revoked
      // An app that keeps its grant gets another token for it.
      const ended = apps.endIn(target.app.grantId, actor)
      return { keys: [...revoked.keys, ...ended.keys], descendants: ended.descendants }
    })
    await refuse(keys)
    return { revoked: true, alsoRevoked: descendants }
  }

  /** Returns the access that a credential can give, or `null` for all. @throws PerSQLError `token_unknown` */
  authorityOf(minter: Minter): Authority | null {
    if (minter === null) return null
    const { tokens, apps } = this.#options
    const nowMs = now()
    return minter.includes('.') ? tokens.bySecretId(minter, nowMs) : apps.authorityOf(minter)
  }

  /** Returns the access of the creator of a handoff, by the ID of its token or grant. @throws PerSQLError `handoff_not_found` */
  creator(mintedBy: string | null): Authority | null {
    const { tokens } = this.#options
    try {
      return mintedBy?.startsWith('tok_') ? tokens.get(mintedBy, now()) : this.authorityOf(mintedBy)
    } catch (cause) {
      throw new PerSQLError('handoff_not_found', {}, { cause })
    }
  }

  /** Returns which of these keys are no longer good: of secrets, and of tokens and grants that opened sessions. */
  ended(keys: readonly string[]): string[] {
    const { tokens, apps } = this.#options
    const nowMs = now()
    return keys.filter((key) => !tokens.isLive(key, nowMs) && !apps.opensSessions(key))
  }

  /** Returns the branch that a token is pinned to, and the slugs that it opens. */
  opened(ids: readonly string[] | null): {
    database: string | null
    branch: string | null
    databases: string[] | null
  } {
    const { databases, lineage } = this.#options
    if (ids === null) return { database: null, branch: null, databases: null }
    const slugs = ids.flatMap((id) => databases.byId(id)?.slug ?? []).sort()
    const only = slugs.length === 1 ? slugs[0] : undefined
    const id = only === undefined ? undefined : databases.find(only)?.id
    return { database: only ?? null, branch: (id && lineage.find(id)?.ref) ?? null, databases: slugs }
  }

  /**
   * Returns whether a token is the caller or comes from it; any other token has to be one that the caller could create.
   * @throws PerSQLError `not_for_scoped_token`, `token_pinned` or `exceeds_parent`
   */
  #assertManages(target: LiveToken, minter: Minter, action: string): boolean {
    if (minter === null) return true
    const caller = this.authorityOf(minter)
    const own = idOf(minter)
    if (target.id === own || target.app?.grantId === own || this.#comesFrom(target.secretId, own)) return true
    if (caller === null) return false
    assertInScope(null, caller, `${action} a token that it didn't create`)
    if (caller.opens !== null) throw new PerSQLError('token_pinned')
    // An app's access lasts for as long as its grant, which gives it new tokens.
    const field = excessOf(target.app ? { ...target, expiresAtMs: null } : target, caller)
    if (field !== undefined) throw exceeds(field)
    return false
  }

  /** Makes what a token created the creation of the caller. Returns how many tokens that were. */
  #keep({ id, app }: LiveToken, minter: Minter, nowMs: number): number {
    const { tokens } = this.#options
    const parent = app?.grantId ?? id
    const caller = this.authorityOf(minter)
    // A caller that ends with the token can't keep anything, itself included.
    if (idOf(minter) === parent || this.#comesFrom(minter, parent)) throw exceeds('children')
    const children = tokens.origins.children(parent, nowMs)
    for (const child of children) {
      if (excessOf(tokens.get(child, nowMs), caller) !== undefined) throw exceeds('children')
    }
    tokens.origins.move(children, idOf(minter))
    return children.length
  }

  #comesFrom(minter: Minter, ancestor: string | null): boolean {
    const id = idOf(minter)
    return id !== null && ancestor !== null && this.#options.tokens.origins.ancestors(id).includes(ancestor)
  }

  /** A limited caller learns nothing of other databases: what it does not open is left out. */
  #idsOf(slugs: readonly string[], parent: Authority | null): string[] {
    const { databases } = this.#options
    if (!parent?.opens) return slugs.map((slug) => databases.existing(slug).id)
    return slugs.flatMap((slug) => databases.find(slug)?.id ?? [])
  }
}

/** Returns the ID under which the creations of a credential are recorded. */
export const idOf = <M extends Minter>(minter: M): M extends string ? string : string | null =>
  (minter === null ? null : (minter.split('.', 1)[0] as string)) as M extends string ? string : string | null
