import { RpcTarget } from 'cloudflare:workers'
import { type Invitation, type MemberRole, PerSQLError, type Share } from '@persql/contract'
import { now } from '../../clock.ts'
import type { Audit, AuditEntry } from '../audit.ts'
import type { Databases } from '../databases/databases.ts'
import type { MemberApps } from '../tokens/member-apps.ts'
import { type Actor, checkChange, type MemberRow, type Members, successor } from './members.ts'

/** Changes members, invitations and shares. Each change and its audit event are written in one transaction. */
export class MemberService extends RpcTarget {
  readonly #storage: DurableObjectStorage
  readonly #members: Members
  readonly #databases: Databases
  readonly #audit: Audit
  readonly #apps: MemberApps

  /** `apps` is notified of each change in its transaction, and awaited afterwards. */
  constructor(storage: DurableObjectStorage, members: Members, databases: Databases, audit: Audit, apps: MemberApps) {
    super()
    this.#storage = storage
    this.#members = members
    this.#databases = databases
    this.#audit = audit
    this.#apps = apps
  }

  list(): MemberRow[] {
    return this.#members.list()
  }

  /** @throws PerSQLError `member_not_found`, `role_insufficient` or `last_owner` */
  async setRole(actor: Actor, userId: string, role: MemberRole): Promise<MemberRow> {
    checkChange(actor, this.#members.get(userId), role)
    const by = `user:${actor.userId}`
    this.#change(by, 'member.role_changed', userId, { role }, () => this.#members.put(userId, role, now()))
    await this.#apps.notify()
    return this.#members.get(userId)
  }

  /** Makes a member or another user an owner, as the operator of the instance. Does nothing for an owner. */
  async makeOwner(userId: string, note: string | undefined): Promise<MemberRow> {
    const known = this.#members.find(userId)
    if (known?.role !== 'owner') {
      const action = known ? 'member.role_changed' : 'member.added'
      const detail = { role: 'owner', ...(note !== undefined && { note }) } as const
      this.#change('operator', action, userId, detail, () => this.#members.put(userId, 'owner', now()))
      await this.#apps.notify()
    }
    return this.#members.get(userId)
  }

  /** @throws PerSQLError `member_not_found`, `role_insufficient` or `last_owner` */
  async remove(actor: Actor, userId: string): Promise<void> {
    checkChange(actor, this.#members.get(userId), undefined)
    this.#change(`user:${actor.userId}`, 'member.removed', userId, {}, () => this.#members.remove(userId))
    await this.#apps.notify()
  }

  /** Changes the members in one transaction, and makes sure that the namespace still has an owner. */
  #change(actor: string, action: string, userId: string, detail: AuditEntry['detail'], change: () => void): void {
    this.#storage.transactionSync(() => {
      change()
      this.#audit.add(actor, action, userId, detail, now())
      const heir = successor(this.#members.list())
      if (heir) {
        this.#members.put(heir.userId, 'owner', now())
        this.#audit.add('system', 'member.role_changed', heir.userId, { role: 'owner' }, now())
      }
      this.#apps.memberChanged(userId)
    })
  }

  listInvitations(): Invitation[] {
    return this.#members.invitations(now())
  }

  invite(email: string, role: Invitation['role'], hash: string, actor: string): Invitation {
    const invitation = this.#members.invite(email, role, hash, now())
    this.#audit.add(actor, 'invitation.created', invitation.id, { email, role }, now())
    return invitation
  }

  /** @throws PerSQLError `invitation_not_found` */
  revokeInvitation(id: string, actor: string): Invitation {
    const invitation = this.#members.takeInvitation('id', id, now())
    this.#audit.add(actor, 'invitation.revoked', id, { email: invitation.email }, now())
    return invitation
  }

  /** Returns the invitation with this secret if it can still be accepted, with the actor who created it. */
  findInvitation(hash: string): { role: Invitation['role']; invitedBy: string | undefined } | undefined {
    const invitation = this.#members.findInvitation(hash, now())
    return (
      invitation && { role: invitation.role, invitedBy: this.#audit.findActor(['invitation.created'], invitation.id) }
    )
  }

  /** Makes a user a member. @throws PerSQLError `invitation_not_found`, `already_member` */
  acceptInvitation(hash: string, userId: string): Invitation {
    return this.#storage.transactionSync(() => {
      const invitation = this.#members.takeInvitation('hash', hash, now())
      if (this.#members.find(userId)) throw new PerSQLError('already_member', { member: 'Your account' })
      this.#members.put(userId, invitation.role, now())
      this.#audit.add(`user:${userId}`, 'invitation.accepted', invitation.id, { role: invitation.role }, now())
      return invitation
    })
  }

  /** @throws PerSQLError `database_not_found` */
  listShares(slug: string): { userId: string; role: Share['role'] }[] {
    return this.#members.shares(this.#databases.existing(slug).id)
  }

  /** @throws PerSQLError `database_not_found` or `member_not_found` */
  async share(slug: string, userId: string, role: Share['role'], actor: string): Promise<void> {
    const { id } = this.#databases.existing(slug)
    this.#members.get(userId)
    this.#storage.transactionSync(() => {
      this.#members.share(id, userId, role)
      this.#audit.add(actor, 'share.granted', slug, { member: userId, role }, now())
      this.#apps.memberChanged(userId)
    })
    await this.#apps.notify()
  }

  /** @throws PerSQLError `database_not_found` or `member_not_found` */
  async unshare(slug: string, userId: string, actor: string): Promise<void> {
    const { id } = this.#databases.existing(slug)
    this.#members.get(userId)
    this.#storage.transactionSync(() => {
      this.#members.unshare(id, userId)
      this.#audit.add(actor, 'share.revoked', slug, { member: userId }, now())
      this.#apps.memberChanged(userId)
    })
    await this.#apps.notify()
  }
}
