import { covers } from '../../authority.ts'
import { now } from '../../clock.ts'
import type { Members } from '../members/members.ts'
import type { AppAuthority } from './app-authority.ts'
import type { AppGrants } from './app-grants.ts'
import type { EndedKeys } from './ended-keys.ts'
import type { Tokens } from './tokens.ts'

/** The services that the apps of members depend on. */
export interface MemberAppsOptions {
  readonly members: Members
  readonly tokens: Tokens
  readonly grants: AppGrants
  readonly authority: AppAuthority
  readonly ended: EndedKeys
}

/** Keeps the access of apps within that of their members. */
export class MemberApps {
  readonly #options: MemberAppsOptions

  constructor(options: MemberAppsOptions) {
    this.#options = options
  }

  /**
   * Applies a member's new role or removal to the member's apps: their access tokens end, and a removed member's apps
   * lose access. Only apps of admins can create tokens, so the tokens that they created end too if the member isn't an
   * admin. Call it in the transaction of the change, and `notify` after it.
   */
  memberChanged(userId: string): void {
    const { members, tokens, grants, authority, ended } = this.#options
    const member = members.find(userId)
    const own = grants.list().filter(({ metadata }) => metadata.userId === userId)
    if (!member) {
      for (const { id } of own) grants.end(id, 'system', 'app.revoked')
      return
    }
    const ids = covers(member.role, 'admin') ? [] : own.map(({ id }) => id)
    const created = ids.flatMap((id) => tokens.origins.children(id, now()))
    tokens.origins.dropHandoffs(ids, now())
    ended.add(tokens.revoke([...tokens.ofApps('user_id', userId), ...created], now()).keys)
    // An app that can no longer open sessions for its users loses the open ones.
    const closed = own.map(({ id }) => id).filter((id) => !authority.opensSessions(id))
    tokens.noteEnded(closed, now())
    ended.add(closed)
  }

  /** Resolves when every active database refuses the keys that ended. */
  notify(): Promise<void> {
    return this.#options.ended.notify()
  }
}
