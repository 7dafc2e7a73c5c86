import {
  type Api,
  api,
  type MemberRole,
  type Operation,
  operationGroups,
  PerSQLError,
  type Role,
  route,
  type Scope,
  type Token,
} from '@persql/contract'
import { type FindPlace, intersect, isCovered, type Selection } from './selection.ts'
import { lower } from './sqlite/identifiers.ts'

/** The access of a token, as far as it decides which operations the token can call. */
export interface TokenAccess {
  readonly role: Role
  readonly tableScope: readonly string[] | null
  /** `true` for a token that is limited to some databases, and `pattern` if new databases can be among them. */
  readonly pinned?: boolean | 'pattern' | undefined
  /** For an app's token: the namespace role of its member. */
  readonly memberRole?: MemberRole | undefined
  /** The only operations that the token can call, besides `get_me`; `null` for all that its role allows. */
  readonly operations?: ReadonlySet<string> | null | undefined
  /** For a token that is limited to some databases: whether it has access to their branches. */
  readonly branches?: boolean | undefined
}

/** The access of a signed-in member, limited by the member role alone. */
export interface SignedIn {
  readonly signedIn: MemberRole
}

/** The object that serves an operation: the database in its path, or the namespace. */
export type Served = 'database' | 'namespace'

const rank: Record<Role, number> = { readonly: 0, readwrite: 1, admin: 2 }
const memberRank: Record<MemberRole, number> = { viewer: 0, editor: 1, admin: 2, owner: 3 }

/** Each member role as the token role that it has in a database. Editors can also change the schema. */
export const databaseRole: Record<MemberRole, Role> = {
  viewer: 'readonly',
  editor: 'admin',
  admin: 'admin',
  owner: 'admin',
}

const isRole = (scope: Scope): scope is Role => Object.hasOwn(rank, scope)

/** Returns whether a member's role is at least another. */
export const covers = (role: MemberRole, needed: MemberRole): boolean => memberRank[role] >= memberRank[needed]

/** Returns whether a role is at most another. */
export const isWithin = (role: Role, most: Role): boolean => rank[role] <= rank[most]

/** Returns the lower of two roles. */
export const getLowerRole = (role: Role, most: Role = 'admin'): Role => (isWithin(role, most) ? role : most)

/**
 * Checks whether a token, an app's token or a signed-in member can call an operation, by its flags in the contract.
 * @throws PerSQLError `role_insufficient`, `token_pinned` or `not_for_scoped_token`
 */
export function assertMayCall(name: keyof Api, access: TokenAccess | SignedIn, served: Served): void {
  const refusal = findRefusal(name, api[name], access, served)
  if (refusal) throw refusal
}

function findRefusal(
  name: string,
  { scope, role: memberScope, console, pinned, scoped }: Operation,
  access: TokenAccess | SignedIn,
  served: Served,
): PerSQLError | undefined {
  if ('signedIn' in access) {
    const needed = memberScope ?? console?.role
    return needed && covers(access.signedIn, needed) ? undefined : insufficient(access.signedIn, name, needed)
  }
  const { role, memberRole, tableScope, operations } = access
  if (!isGranted(name, operations)) return new PerSQLError('operation_not_granted', { operation: name })
  const limiting = limitingRole(access)
  if (!isRole(scope)) return insufficient(limiting, name)
  if (!isWithin(scope, role)) return insufficient(limiting, name, limiting === memberRole ? console?.role : scope)
  // An operation that a member can't call is closed to the member's apps too.
  if (memberRole && console && !covers(memberRole, console.role)) return insufficient(memberRole, name, console.role)
  const isOpen = pinned === 'pattern' ? access.pinned === 'pattern' : (pinned ?? served === 'database')
  const isListed = operations?.has(name) === true && (access.branches === true || !ofBranches.has(name))
  if (access.pinned && !isOpen && !isListed) return new PerSQLError('token_pinned')
  return tableScope === null || scoped === true ? undefined : notForScoped(name)
}

const ofBranches: ReadonlySet<string> = new Set(operationGroups.branches)

const closedToLimited: ReadonlySet<string> = new Set([
  ...(operationGroups.branches ?? []),
  ...(operationGroups.hostnames ?? []),
])

/** The operations that a token that is limited to some databases can call without listing them. */
export const openToLimited: readonly string[] = Object.entries<Operation>(api)
  .filter(([name, { pinned, route }]) => !closedToLimited.has(name) && (pinned ?? route.includes('{db}')))
  .map(([name]) => name)

/** Returns whether a token's list of operations includes an operation. `null` includes all. */
export const isGranted = (name: string, operations: ReadonlySet<string> | null | undefined): boolean =>
  !operations || operations.has(name) || name === 'get_me'

/**
 * Returns the role to name in an error: the member role if it is the one that limits the caller, else the token role.
 */
export const limitingRole = ({ role, memberRole }: Pick<TokenAccess, 'role' | 'memberRole'>): Role | MemberRole =>
  memberRole && databaseRole[memberRole] === role ? memberRole : role

const LEAST: TokenAccess = { role: 'readonly', tableScope: [], pinned: true, memberRole: 'viewer' }

/**
 * Operations of databases that every token with access to the database can call. A warm call to one of them needs no
 * check.
 */
export const openToAll: ReadonlySet<string> = new Set(
  Object.entries<Operation>(api)
    .filter(
      ([name, operation]) =>
        route(operation).params.includes('db') && findRefusal(name, operation, LEAST, 'database') === undefined,
    )
    .map(([name]) => name),
)

/** Checks that tables are all in a token's scope; `null` is every table. @throws PerSQLError `not_for_scoped_token` */
export function assertInScope(
  tables: readonly string[] | null,
  access: Pick<TokenAccess, 'tableScope'>,
  action: string,
): void {
  if (!isInScope(tables, access)) throw new PerSQLError('not_for_scoped_token', { action })
}

/** Returns whether tables are all in a token's scope. `null` is every table. */
export function isInScope(tables: readonly string[] | null, { tableScope }: Pick<TokenAccess, 'tableScope'>): boolean {
  if (tableScope === null) return true
  const names = new Set(tableScope.map(lower))
  return tables?.every((table) => names.has(lower(table))) ?? false
}

/** The access that a credential has and can pass on. */
export interface Authority {
  readonly role: Role
  readonly tableScope: readonly string[] | null
  /** The databases that the credential gives access to, or `null` for all. */
  readonly opens: Selection | null
  /** The only operations that the credential can call, besides `get_me`; `null` for all that its role allows. */
  readonly operations: readonly string[] | null
  readonly expiresAtMs: number | null
  readonly claims: Claims | null
  /** The origins of the only web pages that can use the credential, or `null` if it has no list. */
  readonly origins: readonly string[] | null
}

/** The access that is requested for a new credential. Missing fields are inherited. */
export interface WantedAuthority {
  readonly role: Role
  readonly tableScope?: readonly string[] | undefined
  readonly opens?: Selection | undefined
  readonly operations?: readonly string[] | undefined
  /** `null` for no expiry. */
  readonly expiresAtMs?: number | null | undefined
  readonly claims?: Claims | undefined
  readonly origins?: readonly string[] | undefined
}

type Claims = NonNullable<Token['claims']>
const UNLIMITED: Authority = {
  role: 'admin',
  tableScope: null,
  opens: null,
  operations: null,
  expiresAtMs: null,
  claims: null,
  origins: null,
}
const MAX_CLAIMS = 4096

/** The surroundings in which a credential is created. */
export interface Derivation {
  readonly findPlace: FindPlace
  /** The field of the request that sets the expiry; by default `expiresIn`. */
  readonly expiryField?: string
}

/**
 * Returns the access of a new credential, limited to that of its creator. A `null` parent is a member, who has no
 * limit.
 * @throws PerSQLError `exceeds_parent`
 */
export function derive(
  parent: Authority | null,
  wanted: WantedAuthority,
  { findPlace, expiryField = 'expiresIn' }: Derivation,
): Authority {
  const { role, tableScope, opens, operations, expiresAtMs, claims, origins } = parent ?? UNLIMITED
  if (!isWithin(wanted.role, role)) throw exceeds('role')
  const ends = wanted.expiresAtMs === undefined ? expiresAtMs : wanted.expiresAtMs
  if (expiresAtMs !== null && (ends === null || ends > expiresAtMs)) throw exceeds(expiryField)
  return {
    role: wanted.role,
    tableScope: intersection(tableScope, wanted.tableScope, lower, 'tableScope'),
    opens: narrowed(opens, wanted.opens, findPlace),
    operations: wanted.operations
      ? intersection(limitingOperations(parent), wanted.operations, (name) => name, 'operations')
      : operations,
    expiresAtMs: ends,
    claims: merged(claims, wanted.claims),
    origins: intersection(origins, wanted.origins, (origin) => origin, 'origins'),
  }
}

/**
 * Returns the expiry of something that a credential creates: the requested time, or the default, capped at the expiry
 * of the credential. A `wantedMs` of `null` requests no expiry.
 * @throws PerSQLError `exceeds_parent`
 */
export function expiryWithin(
  parentEndsAtMs: number | null,
  wantedMs: number | null | undefined,
  standardMs: number,
  field: string,
): number | null {
  if (wantedMs === undefined) return parentEndsAtMs === null ? standardMs : Math.min(standardMs, parentEndsAtMs)
  if (parentEndsAtMs !== null && (wantedMs === null || wantedMs > parentEndsAtMs)) throw exceeds(field)
  return wantedMs
}

/**
 * Returns the first field in which a credential exceeds its parent, or `undefined` if the parent could have created it.
 */
export function findExcess(child: Authority, parent: Authority | null, findPlace: FindPlace): string | undefined {
  if (parent === null) return undefined
  const { role, expiresAtMs } = child
  if (!isWithin(role, parent.role)) return 'role'
  if (parent.expiresAtMs !== null && (expiresAtMs === null || expiresAtMs > parent.expiresAtMs)) return 'expiresIn'
  if (!isInScope(child.tableScope, parent)) return 'tableScope'
  if (!isCovered(child.opens, parent.opens, findPlace)) return 'databases'
  if (child.operations ? !isSubset(child.operations, limitingOperations(parent)) : parent.operations)
    return 'operations'
  if (!isSubset(child.origins, parent.origins)) return 'origins'
  const differs = Object.entries(parent.claims ?? {}).some(
    ([key, value]) => !Object.hasOwn(child.claims ?? {}, key) || !isSame(child.claims?.[key], value),
  )
  return differs ? 'claims' : undefined
}

/** Returns whether a list contains only entries of another one. `null` is a list of everything. */
const isSubset = (some: readonly string[] | null, all: readonly string[] | null): boolean =>
  all === null || (some?.every((one) => all.includes(one)) ?? false)

/** A token that is limited to databases and lists no operations can't open further operations to its children. */
export const limitingOperations = (limits: Pick<Authority, 'opens' | 'operations'> | null): readonly string[] | null =>
  limits && (limits.operations ?? (limits.opens === null ? null : openToLimited))

function narrowed(all: Selection | null, some: Selection | undefined, findPlace: FindPlace) {
  if (some === undefined) return all
  const selection = intersect([some, all], findPlace)
  if (selection?.some(({ ids, patterns }) => ids.length === 0 && patterns.length === 0)) throw exceeds('databases')
  return selection
}

function intersection(
  all: readonly string[] | null,
  some: readonly string[] | undefined,
  key: (one: string) => string,
  field: string,
): readonly string[] | null {
  if (some === undefined) return all
  const allowed = all && new Set(all.map(key))
  const result = new Map(some.filter((one) => allowed?.has(key(one)) ?? true).map((one) => [key(one), one]))
  if (result.size === 0) throw exceeds(field)
  return [...result.values()]
}

/** Claims decide which rows their holder can read, so a new credential can't change the claims that it inherits. */
function merged(inherited: Claims | null, wanted: Claims | undefined): Claims | null {
  if (inherited === null || wanted === undefined) return wanted ?? inherited
  const differs = Object.keys(inherited).some(
    (key) => Object.hasOwn(wanted, key) && !isSame(wanted[key], inherited[key]),
  )
  const claims = Object.fromEntries([...Object.entries(wanted), ...Object.entries(inherited)]) as Claims
  if (differs || JSON.stringify(claims).length > MAX_CLAIMS) throw exceeds('claims')
  return claims
}

/** Compares JSON values as text. The order of keys counts: `{a, b}` and `{b, a}` are different claims. */
const isSame = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)

/** Creates the error for a request that exceeds the caller's access. */
export const exceeds = (field: string) => new PerSQLError('exceeds_parent', { field }, { extra: { field } })

function notForScoped(name: string): PerSQLError {
  return new PerSQLError('not_for_scoped_token', { action: `call ${name}` })
}

function insufficient(role: string, name: string, needed?: string): PerSQLError {
  const action = needed === undefined ? `call ${name}` : `call ${name}, which requires the role "${needed}"`
  return new PerSQLError('role_insufficient', { role, action })
}
