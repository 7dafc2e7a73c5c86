import { type Api, api, route } from '@persql/contract'
import { assertRoom, type DiskUse, disk } from '../disk-space.ts'

/** Operations that store nothing themselves, although their method isn't GET or DELETE. The engine checks statements. */
const READS: ReadonlySet<keyof Api> = new Set<keyof Api>([
  ...(['query', 'batch', 'script', 'validate', 'explain', 'apply', 'redeem_approval'] as const),
  ...(['begin_transaction', 'run_in_transaction', 'commit_transaction', 'rollback_transaction'] as const),
  ...(['ask', 'generate_sql', 'try_endpoint', 'run_schedule'] as const),
])
/** Operations on access and money, which replace a few bytes. They keep running while there is room for that. */
const SMALL: ReadonlySet<keyof Api> = new Set<keyof Api>([
  ...(['rotate_token', 'rotate_session_key', 'rotate_webhook_secret', 'pause_endpoint', 'create_session'] as const),
  ...(['approve_request', 'deny_request', 'set_member_role', 'update_settings'] as const),
  ...(['make_namespace_owner', 'update_database'] as const),
  ...(['top_up', 'transfer_balance', 'credit_namespace', 'suspend_namespace', 'resume_namespace'] as const),
])

/**
 * Checks that the disk has room for an operation. Deletions always run. @throws PerSQLError
 * `storage_full`
 */
export function assertRoomForOperation(name: keyof Api): void {
  if (disk.level === 0 || READS.has(name)) return
  const { method } = route(api[name])
  if (method !== 'GET' && method !== 'DELETE') assertRoom(SMALL.has(name) ? 'removes' : 'stores')
}

/**
 * The use of the disk by routes that aren't operations. Others store nothing, or always run: people must be able to sign in,
 * and apps to renew their tokens, to delete data.
 */
const ROUTES = {
  'POST /oauth/register': 'stores',
  'POST /oauth/authorize': 'stores',
  // Stripe sends an event again that wasn't recorded.
  'POST /api/stripe/webhook': 'removes',
} as const satisfies Record<string, DiskUse>

/** Checks that the disk has room for a route that isn't an operation. @throws PerSQLError `storage_full` */
export function assertRoomForRoute(name: keyof typeof ROUTES): void {
  if (disk.level > 0) assertRoom(ROUTES[name])
}

const ALWAYS = /^\/api\/auth\/(sign-in|sign-out|callback)(\/|$)/
const CREATES_ACCOUNT = /^\/api\/auth\/sign-up(\/|$)/

/** Checks that the disk has room for a route of the account library. @throws PerSQLError `storage_full` */
export function assertRoomForAuth(method: string, path: string): void {
  if (disk.level === 0 || method === 'GET' || ALWAYS.test(path)) return
  assertRoom(CREATES_ACCOUNT.test(path) ? 'stores' : 'removes')
}
