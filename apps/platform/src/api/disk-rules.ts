import { type Api, api, route } from '@persql/contract'
import { assertRoom, disk } from '../disk-space.ts'

/** Operations that store nothing themselves, although their method isn't GET or DELETE. The engine checks statements. */
const READS: ReadonlySet<keyof Api> = new Set<keyof Api>([
  ...(['query', 'batch', 'validate', 'explain', 'apply', 'redeem_approval'] as const),
  ...(['ask', 'generate_sql', 'try_endpoint', 'run_schedule'] as const),
])
/** Operations on access and money, which replace a few bytes. They keep running while there is room for that. */
const SMALL: ReadonlySet<keyof Api> = new Set<keyof Api>([
  ...(['rotate_token', 'rotate_session_key', 'rotate_webhook_secret', 'pause_endpoint', 'create_session'] as const),
  ...(['approve_request', 'deny_request', 'set_member_role', 'update_settings'] as const),
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
