import { api, type MemberRole, PerSQLError } from '@persql/contract'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type Authority,
  assertMayCall,
  derive,
  expiryWithin,
  findExcess,
  isInScope,
  limitingRole,
  openToAll,
} from './authority.ts'
import { intersect, type Selection } from './selection.ts'

const name = fc.constantFrom('a', 'A', 'b', 'c', 'é', 'É')
const role = fc.constantFrom('readonly' as const, 'readwrite' as const, 'admin' as const)
const some = <T>(one: fc.Arbitrary<T>) => fc.array(one, { minLength: 1, maxLength: 4 })
const claims = fc.dictionary(fc.constantFrom('team', 'user', '__proto__'), fc.constantFrom(1, 2, null), { maxKeys: 3 })
const expiry = fc.integer({ min: 1, max: 5 })
const selected = fc.record({
  ids: fc.array(name, { maxLength: 3 }),
  patterns: fc.array(fc.constantFrom('*', 'a*', 'a*b', '*b'), { maxLength: 2 }),
  branches: fc.boolean(),
})
/** Databases "a" to "c" are branches of "A". */
const findPlace = (id: string) => ({ id, slug: id.toLowerCase(), parent: id < 'a' ? null : { id: 'A', slug: 'a' } })
const opens = fc
  .array(selected, { minLength: 1, maxLength: 2 })
  .map((limits) => intersect([limits as unknown as Selection], findPlace) as Selection)
  .filter((limits) => limits.every(({ ids, patterns }) => ids.length + patterns.length > 0))
const authority: fc.Arbitrary<Authority> = fc.record({
  role,
  tableScope: fc.option(some(name)),
  opens: fc.option(opens),
  operations: fc.option(some(name)),
  expiresAtMs: fc.option(expiry),
  claims: fc.option(claims),
  origins: fc.option(some(name)),
})
const wanted = fc.record(
  {
    role,
    tableScope: some(name),
    opens,
    operations: some(name),
    expiresAtMs: fc.option(expiry),
    claims,
    origins: some(name),
  },
  { requiredKeys: ['role'] },
)

describe('what is derived', () => {
  test('never exceeds its parent, and is what was requested where that is within the parent', () => {
    let derived = 0
    fc.assert(
      fc.property(authority, wanted, (parent, request) => {
        try {
          const child = derive(parent, request, { findPlace })
          derived++
          expect(findExcess(child, parent, findPlace)).toBeUndefined()
          expect(child.role).toBe(request.role)
          for (const table of child.tableScope ?? []) expect(isInScope([table], parent)).toBe(true)
          expect(parent.origins ?? child.origins ?? []).toEqual(expect.arrayContaining([...(child.origins ?? [])]))
          if (request.tableScope) expect(isInScope(child.tableScope, { tableScope: request.tableScope })).toBe(true)
          for (const [key, value] of Object.entries(parent.claims ?? {})) {
            expect(Object.entries(child.claims ?? {})).toContainEqual([key, value])
          }
        } catch (cause) {
          if (!(cause instanceof PerSQLError)) throw cause
          expect([cause.code, typeof cause.extra.field]).toEqual(['exceeds_parent', 'string'])
        }
      }),
      { numRuns: 3_000 },
    )
    expect(derived).toBeGreaterThan(150)
  })

  test('of what was derived is within the first, through any number of steps', () => {
    fc.assert(
      fc.property(authority, fc.array(wanted, { maxLength: 4 }), (root, requests) => {
        let last = root
        for (const request of requests) {
          try {
            last = derive(last, request, { findPlace })
          } catch (cause) {
            if (!(cause instanceof PerSQLError)) throw cause
          }
        }
        expect(findExcess(last, root, findPlace)).toBeUndefined()
      }),
    )
  })

  test('with the same access can be requested again', () => {
    fc.assert(
      fc.property(authority, (parent) => {
        const { role, tableScope, opens, operations, expiresAtMs, claims, origins } = parent
        const same = derive(
          parent,
          {
            role,
            expiresAtMs,
            ...(tableScope && { tableScope }),
            ...(opens && { opens }),
            ...(operations && { operations }),
            ...(claims && { claims }),
            ...(origins && { origins }),
          },
          { findPlace },
        )
        expect([findExcess(same, parent, findPlace), findExcess(parent, same, findPlace)]).toEqual([
          undefined,
          undefined,
        ])
      }),
    )
  })
})

test.each<[parent: number | null, wanted: number | null | undefined, standard: number, ends: number | null | string]>([
  [null, undefined, 5, 5],
  [null, null, 5, null],
  [null, 9, 5, 9],
  [3, undefined, 5, 3],
  [9, undefined, 5, 5],
  [9, 9, 5, 9],
  [3, 4, 5, 'exceeds_parent'],
  [3, null, 5, 'exceeds_parent'],
])('a parent that ends at %s gives, for %s or else %s, %s', (parent, asked, standard, ends) => {
  const end = () => expiryWithin(parent, asked, standard, 'ttlSec')
  if (typeof ends === 'string') expect(end).toThrow('ttlSec')
  else expect(end()).toBe(ends)
})

test('operations that need no check are open to the smallest token there is', () => {
  const least = { role: 'readonly', tableScope: ['t'], pinned: true, memberRole: 'viewer' } as const
  for (const operation of openToAll) {
    expect(() => assertMayCall(operation as keyof typeof api, least, 'database'), operation).not.toThrow()
    expect(api[operation as keyof typeof api].route).toContain('/{db}/')
  }
  expect([...openToAll]).toEqual(expect.arrayContaining(['query', 'batch', 'validate', 'explain']))
})

test.each<[operation: keyof typeof api, role: MemberRole, code: string | undefined]>([
  ['query', 'viewer', undefined],
  ['list_tokens', 'editor', 'role_insufficient'],
  ['list_tokens', 'admin', undefined],
  ['delete_namespace', 'admin', 'role_insufficient'],
  ['delete_namespace', 'owner', undefined],
  // Neither has a route for signed-in members.
  ['get_me', 'owner', 'role_insufficient'],
  ['create_namespace', 'owner', 'role_insufficient'],
])('a call of "%s" by a signed-in %s gives %s', (operation, signedIn, code) => {
  const call = () => assertMayCall(operation, { signedIn }, 'namespace')
  if (code === undefined) expect(call).not.toThrow()
  else expect(call).toThrow(expect.objectContaining({ code }))
})

test.each([
  [{ role: 'readonly', memberRole: 'viewer' }, 'viewer'],
  [{ role: 'readonly', memberRole: 'owner' }, 'readonly'],
  [{ role: 'readwrite', memberRole: 'editor' }, 'readwrite'],
  [{ role: 'readonly' }, 'readonly'],
] as const)('of %j the role that limits the caller is named', (access, named) => {
  expect(limitingRole(access)).toBe(named)
})
