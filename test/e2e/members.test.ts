import { afterAll, beforeEach, expect, test } from 'vitest'
import { startPlatform, type TestPlatform } from '../harness.ts'

type Session = Awaited<ReturnType<TestPlatform['signUp']>>

const platform: TestPlatform = await startPlatform()
afterAll(() => platform.stop())

let number = 0
let owner: Session
let ns: string
/** A namespace of its own for each test. */
beforeEach(async () => {
  number++
  owner = await platform.signUp(`owner${number}@example.com`)
  ns = `/api/namespaces/owner${number}`
})

const invite = async (email: string, role: string): Promise<string> => {
  const { body } = await owner.request(`${ns}/invitations`, { body: { email, role } })
  return body.data.link.split('/').at(-1)
}
const fetchPage = async (secret: string, session?: Session): Promise<string> =>
  (await (session ?? platform).request(`/invite/${secret}`)).body
const accept = (who: Session, secret: string) => who.request(`/api/invitations/${secret}/accept`, { body: {} })
async function join(name: string, role: string): Promise<Session> {
  const email = `${name}${number}@example.com`
  const secret = await invite(email, role)
  const user = await platform.signUp(email)
  expect((await accept(user, secret)).status).toBe(200)
  return user
}
const setRole = (by: Session, of: Session, role: string) =>
  by.request(`${ns}/members/${of.userId}`, { method: 'PATCH', body: { role } })
const remove = (by: Session, of: Session) => by.request(`${ns}/members/${of.userId}`, { method: 'DELETE' })
const listMembers = async () => {
  const { body } = await owner.request(`${ns}/members`)
  return Object.fromEntries(body.data.map(({ email, role }: { email: string; role: string }) => [email, role]))
}
const query = (who: Session, sql: string) => who.request(`${ns}/databases/main/query`, { body: { sql } })
const getCode = async (answer: Promise<{ status: number; body: { code?: string } }>) => {
  const { status, body } = await answer
  return [status, body.code]
}

test('an invitation is accepted once, and the new member finds the namespace in their list', async () => {
  const secret = await invite('one@example.com', 'editor')
  const [one, two] = [
    await platform.signUp(`one${number}@example.com`),
    await platform.signUp(`two${number}@example.com`),
  ]
  expect((await accept(one, secret)).body.data).toMatchObject({ slug: `owner${number}`, role: 'editor' })
  expect(await getCode(accept(two, secret))).toEqual([404, 'invitation_not_found'])
  const slugs = (await one.request('/api/namespaces')).body.data.map(({ slug }: { slug: string }) => slug)
  expect(slugs).toContain(`owner${number}`)
  expect((await owner.request(`${ns}/invitations`)).body.data).toEqual([])
  expect(await getCode(accept(one, 'inv_acme_made-up'))).toEqual([404, 'invitation_not_found'])
  expect(await getCode(accept(one, `inv_nobody_${'x'.repeat(32)}`))).toEqual([404, 'invitation_not_found'])
})

test('an invitation can be revoked, and inviting the same email address again voids the old link', async () => {
  const first = await invite('late@example.com', 'viewer')
  const second = await invite('late@example.com', 'admin')
  const late = await platform.signUp(`late${number}@example.com`)
  expect(await getCode(accept(late, first))).toEqual([404, 'invitation_not_found'])
  const [open] = (await owner.request(`${ns}/invitations`)).body.data
  expect(open).toEqual({
    id: expect.stringMatching(/^inv_/),
    email: 'late@example.com',
    role: 'admin',
    createdAt: expect.any(String),
    expiresAt: expect.any(String),
  })
  expect((await owner.request(`${ns}/invitations/${open.id}`, { method: 'DELETE' })).status).toBe(200)
  expect(await getCode(accept(late, second))).toEqual([404, 'invitation_not_found'])
})

test('the page of an invitation shows who invites, and the role', async () => {
  const secret = await invite('reader@example.com', 'editor')
  const intro = `<strong>owner${number}@example.com</strong> invited you to join the namespace <strong>owner${number}</strong> as <strong>an editor</strong>.`
  expect(await fetchPage(secret)).toContain(intro)
  expect(await fetchPage(secret, await platform.signUp(`reader${number}@example.com`))).toContain(intro)
  const named = await platform.request('/api/auth/sign-up/email', {
    body: { email: `named${number}@example.com`, password: 'correct horse battery', name: '<b>Ada</b>' },
  })
  const ada = platform.session(named, `named${number}@example.com`)
  expect((await accept(ada, await invite(ada.email, 'admin'))).status).toBe(200)
  const { body } = await ada.request(`${ns}/invitations`, { body: { email: 'guest@example.com', role: 'viewer' } })
  const page = await fetchPage(body.data.link.split('/').at(-1))
  expect(page).toContain(`<strong>&lt;b&gt;Ada&lt;/b&gt;</strong> (${ada.email}) invited you`)
  expect(page).toContain('as <strong>a viewer</strong>.')
})

test('who is a member is neither invited nor made one again', async () => {
  const editor = await join('twice', 'editor')
  const again = owner.request(`${ns}/invitations`, { body: { email: editor.email.toUpperCase(), role: 'viewer' } })
  expect(await getCode(again)).toEqual([409, 'already_member'])
  const secret = await invite('somebody.else@example.com', 'viewer')
  expect(await getCode(accept(editor, secret))).toEqual([409, 'already_member'])
  // The link was not used up by that.
  expect((await accept(await platform.signUp(`else${number}@example.com`), secret)).status).toBe(200)
})

test('a change of role and a removal count from the next request on', async () => {
  const user = await join('changing', 'viewer')
  expect((await query(user, 'CREATE TABLE t (n)')).status).toBe(403)
  expect((await setRole(owner, user, 'editor')).body.data).toMatchObject({ userId: user.userId, role: 'editor' })
  expect((await query(user, 'CREATE TABLE t (n)')).status).toBe(200)
  expect((await setRole(owner, user, 'viewer')).status).toBe(200)
  expect(await getCode(query(user, 'INSERT INTO t VALUES (1)'))).toEqual([403, 'role_insufficient'])
  expect((await remove(owner, user)).body.data).toEqual({ removed: true })
  expect(await getCode(query(user, 'SELECT 1'))).toEqual([404, 'namespace_not_found'])
})

test('tokens outlive the member who minted them', async () => {
  const admin = await join('minter', 'admin')
  const { body } = await admin.request(`${ns}/tokens`, { body: { name: 'theirs' } })
  await remove(owner, admin)
  const db = platform.database(`owner${number}`, 'main', body.data.token)
  expect((await db.query('SELECT 1')).status).toBe(200)
})

test('admins manage all members except owners; members can lower their own role or leave, but not raise it', async () => {
  const admin = await join('admin', 'admin')
  const editor = await join('editor', 'editor')
  expect(await getCode(setRole(admin, owner, 'viewer'))).toEqual([403, 'role_insufficient'])
  expect(await getCode(remove(admin, owner))).toEqual([403, 'role_insufficient'])
  expect(await getCode(setRole(admin, editor, 'owner'))).toEqual([403, 'role_insufficient'])
  expect(await getCode(setRole(admin, admin, 'owner'))).toEqual([403, 'role_insufficient'])
  expect(await getCode(setRole(editor, editor, 'admin'))).toEqual([403, 'role_insufficient'])
  expect(await getCode(remove(editor, admin))).toEqual([403, 'role_insufficient'])
  expect((await setRole(editor, editor, 'viewer')).status).toBe(200)
  expect((await remove(editor, editor)).status).toBe(200)
  expect(await getCode(setRole(owner, editor, 'viewer'))).toEqual([404, 'member_not_found'])
})

test('the last owner cannot vanish: the admin who joined first becomes owner, or it is refused', async () => {
  const viewer = await join('viewer', 'viewer')
  expect(await getCode(remove(owner, owner))).toEqual([409, 'last_owner'])
  expect(await getCode(setRole(owner, owner, 'editor'))).toEqual([409, 'last_owner'])
  const [senior, junior] = [await join('senior', 'admin'), await join('junior', 'admin')]
  expect((await setRole(owner, owner, 'editor')).status).toBe(200)
  expect(await listMembers()).toEqual({
    [owner.email]: 'editor',
    [viewer.email]: 'viewer',
    [senior.email]: 'owner',
    [junior.email]: 'admin',
  })
  expect((await setRole(senior, junior, 'owner')).status).toBe(200)
  expect((await remove(senior, senior)).status).toBe(200)
  expect((await listMembers())[junior.email]).toBe('owner')
})

test('two owners who leave concurrently do not both succeed', async () => {
  const other = await join('other', 'admin')
  await setRole(owner, other, 'owner')
  const statuses = (await Promise.all([remove(owner, owner), remove(other, other)])).map(({ status }) => status)
  expect(statuses.sort()).toEqual([200, 409])
})

test('a share lets a viewer edit one database and no other', async () => {
  const viewer = await join('sharer', 'viewer')
  await owner.request(`${ns}/databases`, { body: { slug: 'second' } })
  const shares = `${ns}/databases/main/shares`
  const shared = await owner.request(shares, { body: { email: viewer.email, role: 'editor' } })
  expect(shared.body.data).toEqual({ userId: viewer.userId, email: viewer.email, role: 'editor' })
  expect((await owner.request(shares)).body.data).toEqual([shared.body.data])
  expect((await viewer.request(ns)).body.data).toMatchObject({ role: 'viewer', edits: ['main'] })
  expect((await owner.request(ns)).body.data.edits).toEqual([])
  expect((await query(viewer, 'CREATE TABLE t (n)')).status).toBe(200)
  const elsewhere = viewer.request(`${ns}/databases/second/query`, { body: { sql: 'CREATE TABLE t (n)' } })
  expect(await getCode(elsewhere)).toEqual([403, 'role_insufficient'])
  expect((await owner.request(`${shares}/${viewer.userId}`, { method: 'DELETE' })).status).toBe(200)
  expect(await getCode(query(viewer, 'INSERT INTO t VALUES (1)'))).toEqual([403, 'role_insufficient'])
  const stranger = owner.request(shares, { body: { email: 'nobody@example.com', role: 'editor' } })
  expect(await getCode(stranger)).toEqual([404, 'member_not_found'])
  expect(await getCode(owner.request(`${ns}/databases/none/shares`))).toEqual([404, 'database_not_found'])
})

test('the audit log lists users and actions, newest first, page by page', async () => {
  const admin = await join('auditor', 'admin')
  const { body } = await admin.request(`${ns}/tokens`, { body: { name: 'ci', role: 'readonly' } })
  await admin.request(`${ns}/tokens/${body.data.id}`, { method: 'DELETE' })
  await admin.request(`${ns}/databases`, { body: { slug: 'logs' } })
  await admin.request(`${ns}/databases/logs`, { method: 'DELETE' })
  const all = (await admin.request(`${ns}/audit`)).body.data
  expect(all.map(({ actor, action }: { actor: string; action: string }) => [actor, action])).toEqual([
    [`user:${admin.userId}`, 'database.deleted'],
    [`user:${admin.userId}`, 'database.created'],
    [`user:${admin.userId}`, 'token.revoked'],
    [`user:${admin.userId}`, 'token.created'],
    [`user:${admin.userId}`, 'invitation.accepted'],
    [`user:${owner.userId}`, 'invitation.created'],
    [`user:${owner.userId}`, 'database.created'],
    [`user:${owner.userId}`, 'namespace.created'],
  ])
  const page = (await admin.request(`${ns}/audit?limit=2&before=${all[1].id}`)).body.data
  expect(page).toEqual(all.slice(2, 4))
  const about = async (action: string) =>
    (await admin.request(`${ns}/audit?action=${action}`)).body.data.map((entry: { action: string }) => entry.action)
  const isAbout = (entry: { action: string }) => entry.action.startsWith('invitation.')
  expect(await about('invitation')).toEqual(all.filter(isAbout).map((entry: { action: string }) => entry.action))
  expect(new Set(await about('invitation.accepted'))).toEqual(new Set(['invitation.accepted']))
  expect(await about('invit')).toEqual([])
  expect(await getCode(admin.request(`${ns}/audit?limit=many`))).toEqual([400, 'invalid_input'])
  expect(JSON.stringify(all)).not.toContain(body.data.token)
})

test('a deleted namespace is gone for members and tokens, and its slug is not given out again', async () => {
  const viewer = await join('witness', 'viewer')
  const { body } = await owner.request(`${ns}/tokens`, { body: { name: 'x' } })
  const db = platform.database(`owner${number}`, 'main', body.data.token)
  await db.query('CREATE TABLE t (n)')
  expect((await owner.request(ns, { method: 'DELETE' })).body.data).toEqual({ deleted: true })
  expect(await getCode(db.query('SELECT * FROM t'))).toEqual([401, 'token_unknown'])
  for (const who of [owner, viewer]) {
    expect(await getCode(who.request(ns))).toEqual([404, 'namespace_not_found'])
    const slugs = (await who.request('/api/namespaces')).body.data.map(({ slug }: { slug: string }) => slug)
    expect(slugs).not.toContain(`owner${number}`)
  }
  const again = owner.request('/api/namespaces', { body: { slug: `owner${number}` } })
  expect(await getCode(again)).toEqual([409, 'slug_taken'])
  await expect(platform.createNamespace(`owner${number}`)).rejects.toThrow('slug_taken')
})

test('a console query is one billed request, and nothing else in the console costs anything', async () => {
  const spent = async () => (await platform.request('/v1/billing', { token })).body.data.balanceNanoUsd
  const { token } = (await owner.request(`${ns}/tokens`, { body: { name: 'x' } })).body.data
  const before = BigInt(await spent())
  await owner.request(`${ns}/databases`)
  await owner.request(`${ns}/members`)
  expect((await query(owner, 'SELECT 1')).status).toBe(200)
  expect(before - BigInt(await spent())).toBe(500n)
})
