import { PerSQLError, type Role } from '@persql/contract'
import { type Authority, covers, databaseRole, getLowerRole, isWithin } from '../../authority.ts'
import type { Audience } from '../../oauth-server/server.ts'
import { selectIds } from '../../selection.ts'
import type { Databases } from '../databases/databases.ts'
import type { Members } from '../members/members.ts'
import type { AppGrants } from './app-grants.ts'
import type { AppToken } from './tokens.ts'

/** The services that decide about the access of apps. */
export interface AppAuthorityOptions {
  readonly grants: AppGrants
  readonly members: Members
  readonly databases: Databases
  readonly slug: () => string
}

/** Decides how much access an app has: never more than its member has now. */
export class AppAuthority {
  readonly #options: AppAuthorityOptions

  constructor(options: AppAuthorityOptions) {
    this.#options = options
  }

  /** Returns whether an app has access that includes opening sessions. */
  opensSessions(grantId: string): boolean {
    const { grants, members } = this.#options
    const grant = grants.find(grantId)
    const member = grant && members.find(grant.metadata.userId)
    return (
      member !== undefined && getLowerRole(grant?.metadata.role ?? 'readonly', databaseRole[member.role]) !== 'readonly'
    )
  }

  /** Returns the access that an app can pass on. @throws PerSQLError `token_unknown` if it has none */
  getAuthority(grantId: string): Authority {
    const { grants, members } = this.#options
    const grant = grants.find(grantId)
    const member = grant && members.find(grant.metadata.userId)
    if (!grant || !member || !covers(member.role, 'admin')) throw new PerSQLError('token_unknown')
    const role = getLowerRole(grant.metadata.role, databaseRole[member.role])
    const { databases } = grant.metadata
    return {
      role,
      opens: databases && selectIds(databases),
      operations: null,
      tableScope: null,
      expiresAtMs: null,
      claims: null,
      origins: null,
    }
  }

  /**
   * Returns the current access of an app's token: at most the member's access, in the given database or in the
   * namespace.
   * @throws PerSQLError `token_audience`, or `token_unknown` if the member left
   */
  getEffectiveGrant({ userId, audience }: AppToken, role: Role, databaseId: string | undefined, at: Audience) {
    if (audience !== at) throw new PerSQLError('token_audience')
    const { members } = this.#options
    const member = members.find(userId)
    if (!member) throw new PerSQLError('token_unknown')
    const memberRole = databaseId === undefined ? member.role : members.roleIn(databaseId, member)
    return { role: getLowerRole(role, databaseRole[memberRole]), memberRole }
  }

  /** Returns the highest role that a member can give to an app. @throws PerSQLError `namespace_not_found` */
  highestRole(userId: string, databaseIds: readonly string[] | null): Role {
    const { members, databases, slug } = this.#options
    const member = members.find(userId)
    if (!member) throw new PerSQLError('namespace_not_found', { namespace: slug() })
    const ids = databaseIds ?? databases.list().map(({ id }) => id)
    const roles = [...ids.map((id) => members.roleIn(id, member)), ...(databaseIds ? [] : [member.role])]
    return roles.map((role) => databaseRole[role]).reduce((a, b) => (isWithin(b, a) ? a : b), 'readonly')
  }
}
