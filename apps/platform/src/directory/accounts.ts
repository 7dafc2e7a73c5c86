import type { Migration } from '../storage/migrate.ts'
import type { ProvenAccount } from './person.ts'

/** Better Auth's tables, as its own migrations create them. The library runs its own queries on them. */
export const ACCOUNTS: Migration = {
  name: 'accounts',
  sql: `
    CREATE TABLE "user" ("id" text NOT NULL PRIMARY KEY, "name" text NOT NULL, "email" text NOT NULL UNIQUE,
      "emailVerified" integer NOT NULL, "image" text, "createdAt" date NOT NULL, "updatedAt" date NOT NULL);
    CREATE TABLE "session" ("id" text NOT NULL PRIMARY KEY, "expiresAt" date NOT NULL, "token" text NOT NULL UNIQUE,
      "createdAt" date NOT NULL, "updatedAt" date NOT NULL, "ipAddress" text, "userAgent" text,
      "userId" text NOT NULL REFERENCES "user" ("id") ON DELETE CASCADE);
    CREATE TABLE "account" ("id" text NOT NULL PRIMARY KEY, "accountId" text NOT NULL, "providerId" text NOT NULL,
      "userId" text NOT NULL REFERENCES "user" ("id") ON DELETE CASCADE, "accessToken" text, "refreshToken" text,
      "idToken" text, "accessTokenExpiresAt" date, "refreshTokenExpiresAt" date, "scope" text, "password" text,
      "createdAt" date NOT NULL, "updatedAt" date NOT NULL);
    CREATE TABLE "verification" ("id" text NOT NULL PRIMARY KEY, "identifier" text NOT NULL, "value" text NOT NULL,
      "expiresAt" date NOT NULL, "createdAt" date NOT NULL, "updatedAt" date NOT NULL);
    CREATE INDEX "session_userId_idx" ON "session" ("userId");
    CREATE INDEX "account_userId_idx" ON "account" ("userId");
    CREATE INDEX "verification_identifier_idx" ON "verification" ("identifier");
  `,
}

/** A user as other members of a namespace see them. */
export interface Person {
  readonly id: string
  readonly email: string
  readonly name: string
}

/** A user found by an email address, and whether the user proved that the address is their own. */
export interface KnownPerson extends Person {
  readonly isVerified: boolean
}

type UserRow = { id: string; email: string; name: string; emailVerified: number }

/** PerSQL's own queries on the account tables. */
export class Accounts {
  readonly #sql: SqlStorage

  constructor(sql: SqlStorage) {
    this.#sql = sql
  }

  run(sql: string, params: readonly SqlStorageValue[]): { rows: Record<string, SqlStorageValue>[]; changes: number } {
    const cursor = this.#sql.exec(sql, ...params)
    const rows = cursor.toArray()
    return { rows, changes: cursor.rowsWritten }
  }

  people(ids: readonly string[]): Person[] {
    return ids.flatMap((id) => [...this.#sql.exec('SELECT id, email, name FROM user WHERE id = ?', id)]) as never
  }

  byEmail(email: string): KnownPerson | undefined {
    const columns = 'id, email, name, emailVerified'
    const [user] = this.#sql.exec<UserRow>(`SELECT ${columns} FROM user WHERE email = ?`, email.toLowerCase())
    return user && { id: user.id, email: user.email, name: user.name, isVerified: user.emailVerified === 1 }
  }

  /** Returns an account with everything that proves who its user is. Passwords prove nothing. */
  proven(userId: string): ProvenAccount | undefined {
    const [user] = this.#sql.exec('SELECT email, emailVerified FROM user WHERE id = ?', userId)
    if (!user) return undefined
    const providers = this.#sql.exec<{ providerId: string; accountId: string }>(
      "SELECT providerId, accountId FROM account WHERE userId = ? AND providerId <> 'credential' ORDER BY createdAt, id",
      userId,
    )
    const isVerified = user.emailVerified === 1
    return { id: userId, email: user.email as string, isVerified, providers: providers.toArray() }
  }

  /** Returns the ID of the first user of this instance. */
  first(): string | undefined {
    return [...this.#sql.exec<{ id: string }>('SELECT id FROM user ORDER BY createdAt, rowid LIMIT 1')][0]?.id
  }
}
