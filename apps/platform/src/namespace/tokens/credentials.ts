import { RpcTarget } from 'cloudflare:workers'
import {
  type Api,
  getNeededRole,
  type Listed,
  type MintedToken,
  type Output,
  type Paging,
  type Parsed,
  PerSQLError,
  type Token,
  type TokenFilter,
} from '@persql/contract'
import { type Authority, assertInScope, derive, exceeds, findExcess } from '../../authority.ts'
import { now } from '../../clock.ts'
import { isPattern, type Selection } from '../../selection.ts'
import type { Audit } from '../audit.ts'
import type { Databases } from '../databases/databases.ts'
import type { AppAuthority } from './app-authority.ts'
import type { AppGrants } from './app-grants.ts'
import type { LiveToken, Secret, Tokens } from './tokens.ts'

/**
 * The credential that acts: the key of a token's secret, or the ID of an app's grant. Everything that it creates ends
 * with it. `null` is a member, whose tokens belong to the namespace.
 */
export type Minter = string | null

/** The services that credentials depend on. */
export interface CredentialsOptions {
  readonly storage: DurableObjectStorage
  readonly tokens: Tokens
  readonly grants: AppGrants
  readonly authority: AppAuthority
  readonly databases: Databases
  readonly audit: Audit
  /** Resolves when every active database refuses these keys. */
  readonly refuse: (keys: readonly string[]) => Promise<void>
}

/** Creates, rotates and revokes tokens. A token never exceeds its creator's access or lifetime. */
export class Credentials extends RpcTarget {
  readonly #options: CredentialsOptions

  constructor(options: CredentialsOptions) {
    super()
    this.#options = options
  }

  /** Returns a page of the tokens of the namespace. A limited token sees itself and the tokens that it created. */
  list(filter: TokenFilter, paging: Paging, minter: Minter): Listed<Token> {
    const { tokens, databases } = this.#options
    const ids = this.#listVisible(minter)
    const { q, parent, database: slug } = filter
    const id = slug === undefined ? undefined : (databases.find(slug)?.id ?? null)
    return tokens.page({ ids, q, parent, databaseId: id }, paging, now())
  }

  /** Returns a token that the caller sees in the list. @throws PerSQLError `token_not_found` */
  get(id: string, minter: Minter): Token {
    if (this.#listVisible(minter)?.includes(id) === false) throw new PerSQLError('token_not_found', { id })
    return this.#options.tokens.show(id, now())
  }

  /** @throws PerSQLError `exceeds_parent`, `database_not_found`, or `token_unknown` if its creator ended */
  mint(secret: Secret, request: Parsed<Api['create_token']>, minter: Minter, actor: string): MintedToken {
    const { storage, tokens, audit } = this.#options
    return storage.transactionSync(() => {
      const nowMs = now()
      const parent = this.getAuthority(minter)
      const { name, tableScope, databases, branches = false, operations, claims, origins, expiresIn } = request
      const role = request.role ?? (operations ? getNeededRole(operations) : 'admin')
      const opens = databases && this.#select(databases, branches, parent)
      const expiresAtMs = expiresIn === undefined ? undefined : nowMs + expiresIn * 1000
      const authority = derive(
        parent,
        { role, tableScope, opens, operations, claims, origins, expiresAtMs },
        tokens.selections,
      )
      const token = tokens.add(secret, { name, ...authority, mintedBy: toCreatorId(minter) }, nowMs)
      audit.add(actor, 'token.created', token.id, { name, role, mintedBy: toCreatorId(minter) }, nowMs)
      return token
    })
  }

  /** @throws PerSQLError `token_not_found`, or the errors of `#assertManages` */
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
      // The target is an ancestor of the caller, so it can outlive the caller.
      if (!isOwn && this.#comesFrom(minter, target.id)) throw exceeds('expiresIn')
      // The caller learns the new secret, so the token ends with the caller, as a new token would.
      if (!isOwn) tokens.origins.move([id], toCreatorId(minter))
      audit.add(actor, 'token.rotated', id, { name: target.name }, nowMs)
      return tokens.rotate(id, secret, nowMs)
    })
    await refuse([replaced])
    return token
  }

  /** Resolves when every active database refuses the token and its creations. */
  async revoke(
    id: string,
    children: 'revoke' | 'keep',
    minter: Minter,
    actor: string,
  ): Promise<Output<Api['revoke_token']>> {
    const { storage, tokens, grants, audit, refuse } = this.#options
    const { keys, descendants } = storage.transactionSync(() => {
      const nowMs = now()
      const target = tokens.get(id, nowMs)
      this.#assertManages(target, minter, 'revoke')
      const kept = children === 'keep' ? this.#keep(target, minter, nowMs) : 0
      audit.add(actor, 'token.revoked', id, { name: target.name, kept }, nowMs)
      const revoked = tokens.revoke([id], nowMs)
      if (!target.app) return revoked
      // End the app's grant too, because the app could get another token with it.
      const ended = grants.endIn(target.app.grantId, actor)
      return { keys: [...revoked.keys, ...ended.keys], descendants: ended.descendants }
    })
    await refuse(keys)
    return { revoked: true, alsoRevoked: descendants }
  }

  /** Returns the access that a credential can pass on, or `null` for no limit. @throws PerSQLError `token_unknown` */
  getAuthority(minter: Minter): Authority | null {
    if (minter === null) return null
    const { tokens, authority } = this.#options
    const nowMs = now()
    return minter.includes('.') ? tokens.bySecretId(minter, nowMs) : authority.getAuthority(minter)
  }

  /**
   * Returns the access of a handoff's creator, by the ID of its token or grant. @throws PerSQLError `handoff_not_found`
   */
  creator(mintedBy: string | null): Authority | null {
    const { tokens } = this.#options
    try {
      return mintedBy?.startsWith('tok_') ? tokens.get(mintedBy, now()) : this.getAuthority(mintedBy)
    } catch (cause) {
      throw new PerSQLError('handoff_not_found', {}, { cause })
    }
  }

  /** Returns which of these keys have ended: keys of secrets, and of tokens and grants that opened sessions. */
  ended(keys: readonly string[]): string[] {
    const { tokens, authority } = this.#options
    const nowMs = now()
    return keys.filter((key) => !tokens.isLive(key, nowMs) && !authority.opensSessions(key))
  }

  /**
   * Returns whether a token is the caller or one of its descendants. The caller must be able to create any other token.
   * @throws PerSQLError `not_for_scoped_token`, `token_pinned` or `exceeds_parent`
   */
  #assertManages(target: LiveToken, minter: Minter, action: string): boolean {
    if (minter === null) return true
    const { tokens } = this.#options
    const caller = this.getAuthority(minter)
    const own = toCreatorId(minter)
    if (target.id === own || target.app?.grantId === own || this.#comesFrom(target.secretId, own)) return true
    if (caller === null) return false
    assertInScope(null, caller, `${action} a token that it didn't create`)
    if (caller.opens !== null) throw new PerSQLError('token_pinned')
    // An app's access lasts as long as its grant, which issues new tokens.
    const field = findExcess(
      target.app ? { ...target, expiresAtMs: null } : target,
      caller,
      tokens.selections.findPlace,
    )
    if (field !== undefined) throw exceeds(field)
    return false
  }

  /** Makes the caller the creator of a token's children. Returns how many there were. */
  #keep({ id, app }: LiveToken, minter: Minter, nowMs: number): number {
    const { tokens } = this.#options
    const parent = app?.grantId ?? id
    const caller = this.getAuthority(minter)
    // A caller that ends with the token can't keep anything, including itself.
    if (toCreatorId(minter) === parent || this.#comesFrom(minter, parent)) throw exceeds('children')
    const children = tokens.origins.children(parent, nowMs)
    for (const child of children) {
      if (findExcess(tokens.get(child, nowMs), caller, tokens.selections.findPlace) !== undefined)
        throw exceeds('children')
    }
    tokens.origins.move(children, toCreatorId(minter))
    return children.length
  }

  /** Returns the IDs of the tokens that a caller sees: all (`null`), or its own and those that it created. */
  #listVisible(minter: Minter): string[] | null {
    const { tokens, grants } = this.#options
    grants.endLapsed()
    const caller = this.getAuthority(minter)
    const seesAll = minter === null || caller === null || (caller.tableScope === null && caller.opens === null)
    return seesAll ? null : tokens.origins.withDescendants(grants.listTokenIds(toCreatorId(minter)))
  }

  #comesFrom(minter: Minter, ancestor: string | null): boolean {
    const id = toCreatorId(minter)
    return id !== null && ancestor !== null && this.#options.tokens.origins.ancestors(id).includes(ancestor)
  }

  /** Returns a selection. A limited caller learns nothing about other databases, so they are omitted. */
  #select(selectors: readonly string[], branches: boolean, parent: Authority | null): Selection {
    const { databases } = this.#options
    const toIds = (slug: string) => (parent?.opens ? (databases.find(slug)?.id ?? []) : [databases.existing(slug).id])
    const ids = selectors.filter((one) => !isPattern(one)).flatMap(toIds)
    return [{ ids, patterns: selectors.filter(isPattern), branches }]
  }
}

/** Returns the ID that a credential's creations are recorded under. */
export const toCreatorId = <M extends Minter>(minter: M): M extends string ? string : string | null =>
  (minter === null ? null : (minter.split('.', 1)[0] as string)) as M extends string ? string : string | null
