import { type MemberRole, type Membership, PerSQLError } from '@persql/contract'
import { now, toIso } from '../../clock.ts'
import type { Audience } from '../../oauth-server/server.ts'
import { assertPageMayUse } from '../../page-origin.ts'
import { isOpenTo, type Selection } from '../../selection.ts'
import type { Databases } from '../databases/databases.ts'
import type { IdentityStore } from '../identity.ts'
import type { Actor, Members } from '../members/members.ts'
import type { AppAuthority } from './app-authority.ts'
import type { AppGrants } from './app-grants.ts'
import type { TokenGrant, Tokens } from './tokens.ts'

/** A caller with a token, and the token's namespace. */
export interface Caller extends TokenGrant {
  readonly namespaceId: string
  /** The databases that the token gives access to, or `null` for all. */
  readonly opens: Selection | null
  /** The only operations that the token can call, besides `get_me`; `null` for all that its role allows. */
  readonly operations: readonly string[] | null
  /** The ID of the requested database, for a token that is limited to some. */
  readonly databaseId?: string
  /** For an app's token: the role of its member. */
  readonly memberRole?: MemberRole
  /** The key of the caller's secret, or the ID of its grant. The caller's creations end with it. */
  readonly minter: string
  /** The latest expiry of the caller's creations. */
  readonly minterEndsAtMs: number | null
}

/** A member who calls, with the member role in the requested database. */
export interface MemberAccess extends Actor {
  readonly namespaceId: string
}

/** The services that admission depends on. */
export interface AdmissionOptions {
  readonly identity: IdentityStore
  readonly tokens: Tokens
  readonly grants: AppGrants
  readonly authority: AppAuthority
  readonly databases: Databases
  readonly members: Members
}

/** Identifies callers by their tokens, and members by their accounts. */
export class Admission {
  readonly #options: AdmissionOptions

  constructor(options: AdmissionOptions) {
    this.#options = options
  }

  /**
   * Returns the caller whose secret has this hash. With `database`, also checks that the database exists, and creates
   * it if `creates` is set and the caller is an admin whose databases include new ones with this slug. `origin` is that of the calling page.
   * @throws PerSQLError `token_unknown`, `origin_not_allowed`, `token_audience`, `token_pinned`, `database_not_found` or
   * `too_many_databases`
   */
  authenticate(
    hash: string,
    database: string | undefined,
    at: Audience,
    creates: boolean,
    origin: string | undefined,
  ): Caller {
    const { tokens, grants, authority, databases } = this.#options
    const nowMs = now()
    const identity = this.#options.identity.known
    if (!identity || identity.deletedAtMs) throw new PerSQLError('token_unknown')
    grants.endLapsed()
    const token = tokens.byHash(hash, nowMs)
    const { id: tokenId, secretId, app, role, tableScope, expiresAtMs, opens, operations, origins } = token
    // Check the page first: nothing is created for a page that can't use the token.
    assertPageMayUse(origins, origin)
    const minter = app
      ? { minter: app.grantId, minterEndsAtMs: null }
      : { minter: secretId, minterEndsAtMs: expiresAtMs }
    const namespaceId = identity.id
    const known = {
      tokenId,
      secretId,
      role,
      tableScope,
      expiresAtMs,
      opens,
      operations,
      origins,
      namespaceId,
      ...minter,
    }
    const id = database === undefined ? undefined : databases.find(database)?.id
    const caller = app ? { ...known, ...authority.getEffectiveGrant(app, role, id, at) } : known
    if (database === undefined) return caller
    const isOpen = id === undefined ? isOpenTo(opens, database) : tokens.selections.isSelected(opens, id)
    if (!isOpen) throw new PerSQLError('token_pinned')
    const isCreator =
      caller.role === 'admin' && tableScope === null && (operations?.includes('create_database') ?? true)
    if (id === undefined && !(creates && isCreator)) {
      throw new PerSQLError('database_not_found', { database })
    }
    const databaseId = id ?? databases.add(database, database, `token:${tokenId}`, nowMs).id
    return opens === null ? caller : { ...caller, databaseId }
  }

  /**
   * Returns the role of a member in the namespace, or in one of its databases.
   * @throws PerSQLError `namespace_not_found` for people who aren't members, `database_not_found`
   */
  access(userId: string, database?: string, slug = this.#options.identity.slug): MemberAccess {
    const { members, databases } = this.#options
    const identity = this.#options.identity.known
    const member = identity?.deletedAtMs ? undefined : identity && members.find(userId)
    if (!member || !identity) throw new PerSQLError('namespace_not_found', { namespace: slug })
    const role = database === undefined ? member.role : members.roleIn(databases.existing(database).id, member)
    return { userId, role, namespaceId: identity.id }
  }

  /** Returns the namespace from a member's view. @throws PerSQLError `namespace_not_found` */
  membership(userId: string): Membership {
    const { identity, members, databases } = this.#options
    const { role } = this.access(userId)
    const { id, slug, createdAtMs } = identity.existing
    const shared = members.sharedWith({ userId, role }).flatMap((one) => databases.listed(one)?.slug ?? [])
    const createdAt = toIso(createdAtMs)
    return { id, slug, role, status: identity.status, createdAt, edits: shared.sort() }
  }
}
