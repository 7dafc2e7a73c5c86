import { type Invitation, type MemberRole, PerSQLError, type Share } from '@persql/contract'
import { covers } from '../../authority.ts'
import { toIso } from '../../clock.ts'
import type { Migration } from '../../storage/migrate.ts'

export const MEMBERS: Migration = {
  name: 'members, invitations, shares',
  sql: `
    CREATE TABLE member (
      user_id TEXT PRIMARY KEY,
      role TEXT NOT NULL CHECK (role IN ('viewer', 'editor', 'admin', 'owner')),
      joined_at INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE invitation (
      id TEXT PRIMARY KEY,
      hash TEXT NOT NULL UNIQUE,
      email TEXT NOT NULL,
      role TEXT NOT NULL,
      created_at INTEGER NOT NULL,
      expires_at INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE share (
      database_id TEXT NOT NULL,
      user_id TEXT NOT NULL,
      role TEXT NOT NULL CHECK (role IN ('viewer', 'editor')),
      PRIMARY KEY (database_id, user_id)
    ) STRICT, WITHOUT ROWID;
  `,
}

/** A member in the namespace's records. Names and email addresses are in the Directory. */
export interface MemberRow {
  readonly userId: string
  readonly role: MemberRole
  readonly joinedAtMs: number
}

/** A member who performs an action. */
export interface Actor {
  readonly userId: string
  readonly role: MemberRole
}

const INVITATION_MS = 7 * 24 * 60 * 60 * 1000

/**
 * Checks that `actor` can give `target` the role `to`, or remove `target` if `to` is missing. All members can lower
 * their own role or leave. Admins manage everyone except owners. @throws PerSQLError `role_insufficient`
 */
export function checkChange(actor: Actor, target: Actor, to: MemberRole | undefined): void {
  const stepsDown = actor.userId === target.userId && (to === undefined || covers(target.role, to))
  if (stepsDown) return
  const needed = target.role === 'owner' || to === 'owner' ? 'owner' : 'admin'
  if (!covers(actor.role, needed)) {
    throw new PerSQLError('role_insufficient', {
      role: actor.role,
      action: needed === 'owner' ? 'manage owners' : 'manage members',
    })
  }
}

/**
 * Returns the member to promote if a change leaves no owner: the admin who joined first. `members` is the list after
 * the change.
 * @throws PerSQLError `last_owner` without an admin
 */
export function successor(members: readonly MemberRow[]): MemberRow | undefined {
  if (members.some(({ role }) => role === 'owner')) return undefined
  const [senior] = members.filter(({ role }) => role === 'admin').sort((a, b) => a.joinedAtMs - b.joinedAtMs)
  if (!senior) throw new PerSQLError('last_owner')
  return senior
}

/** The people of a namespace: members, invitations, and shares, which give a higher role in one database. */
export class Members {
  readonly #sql: SqlStorage

  constructor(sql: SqlStorage) {
    this.#sql = sql
  }

  list(): MemberRow[] {
    return this.#members('ORDER BY joined_at, user_id')
  }

  find(userId: string): MemberRow | undefined {
    return this.#members('WHERE user_id = ?', userId)[0]
  }

  /** @throws PerSQLError `member_not_found` */
  get(userId: string): MemberRow {
    const member = this.find(userId)
    if (!member) throw new PerSQLError('member_not_found', { member: userId })
    return member
  }

  put(userId: string, role: MemberRole, nowMs: number): void {
    this.#sql.exec(
      'INSERT INTO member VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET role = excluded.role',
      userId,
      role,
      nowMs,
    )
  }

  remove(userId: string): void {
    this.#sql.exec('DELETE FROM member WHERE user_id = ?', userId)
    this.#sql.exec('DELETE FROM share WHERE user_id = ?', userId)
  }

  clear(): void {
    for (const table of ['member', 'invitation', 'share']) this.#sql.exec(`DELETE FROM ${table}`)
  }

  // --- invitations -------------------------------------------------------------------------------------------------

  invitations(nowMs: number): Invitation[] {
    return this.#invitations('WHERE expires_at > (+CAST(? AS INTEGER)) ORDER BY created_at, id', nowMs).map(
      toInvitation,
    )
  }

  invite(email: string, role: Invitation['role'], hash: string, nowMs: number): Invitation {
    // One invitation per email address: a new one replaces it.
    this.#sql.exec('DELETE FROM invitation WHERE email = ?', email)
    const id = `inv_${crypto.randomUUID().replaceAll('-', '').slice(0, 20)}`
    this.#sql.exec(
      'INSERT INTO invitation VALUES (?, ?, ?, ?, ?, ?)',
      id,
      hash,
      email,
      role,
      nowMs,
      nowMs + INVITATION_MS,
    )
    return toInvitation(this.#invitations('WHERE id = ?', id)[0] as InvitationRow)
  }

  /** Returns the invitation with this secret unless it has expired. */
  findInvitation(hash: string, nowMs: number): Invitation | undefined {
    const [row] = this.#invitations('WHERE hash = ?', hash)
    return row && row.expires_at > nowMs ? toInvitation(row) : undefined
  }

  /**
   * Deletes an invitation and returns it, by its ID or the hash of its secret. @throws PerSQLError
   * `invitation_not_found`
   */
  takeInvitation(by: 'id' | 'hash', value: string, nowMs: number): Invitation {
    const [row] = this.#invitations(`WHERE ${by} = ?`, value)
    if (!row || row.expires_at <= nowMs) {
      throw new PerSQLError('invitation_not_found', { instead: by === 'hash' ? 'Ask for a new one.' : '' })
    }
    this.#sql.exec('DELETE FROM invitation WHERE id = ?', row.id)
    return toInvitation(row)
  }

  // --- shares ------------------------------------------------------------------------------------------------------

  shares(databaseId: string): { userId: string; role: Share['role'] }[] {
    return [...this.#sql.exec('SELECT user_id, role FROM share WHERE database_id = ? ORDER BY 1', databaseId)].map(
      ({ user_id, role }) => ({ userId: user_id as string, role: role as Share['role'] }),
    )
  }

  share(databaseId: string, userId: string, role: Share['role']): void {
    this.#sql.exec(
      'INSERT INTO share VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET role = excluded.role',
      databaseId,
      userId,
      role,
    )
  }

  unshare(databaseId: string, userId: string): void {
    this.#sql.exec('DELETE FROM share WHERE database_id = ? AND user_id = ?', databaseId, userId)
  }

  /** Returns the role of a member in one database. Shares apply to viewers only. */
  roleIn(databaseId: string, { userId, role }: Actor): MemberRole {
    if (role !== 'viewer') return role
    return this.shares(databaseId).find((share) => share.userId === userId)?.role ?? role
  }

  /** Returns the IDs of the databases that are shared with a viewer. Other roles can edit all databases. */
  sharedWith({ userId, role }: Actor): string[] {
    if (role !== 'viewer') return []
    const rows = this.#sql.exec("SELECT database_id FROM share WHERE user_id = ? AND role = 'editor'", userId)
    return [...rows].map(({ database_id }) => database_id as string)
  }

  #members(where: string, ...params: string[]): MemberRow[] {
    return [...this.#sql.exec(`SELECT user_id, role, joined_at FROM member ${where}`, ...params)].map((row) => ({
      userId: row.user_id as string,
      role: row.role as MemberRole,
      joinedAtMs: row.joined_at as number,
    }))
  }

  #invitations(where: string, ...params: (string | number)[]): InvitationRow[] {
    return [...this.#sql.exec(`SELECT * FROM invitation ${where}`, ...params)] as unknown as InvitationRow[]
  }
}

interface InvitationRow {
  readonly id: string
  readonly email: string
  readonly role: Invitation['role']
  readonly created_at: number
  readonly expires_at: number
}

const toInvitation = ({ id, email, role, created_at, expires_at }: InvitationRow): Invitation => ({
  id,
  email,
  role,
  createdAt: toIso(created_at),
  expiresAt: toIso(expires_at),
})
