import { PerSQLError } from './errors.ts'
import { pause } from './http.ts'
import type { Approvals } from './resources.ts'

/** Waits until an approval request is decided. */
export async function poll(
  get: Approvals['get'],
  ...[approvalToken, { intervalMs = 2000, timeoutMs = 600_000, signal } = {}]: Parameters<Approvals['poll']>
): ReturnType<Approvals['poll']> {
  for (const endMs = Date.now() + timeoutMs; ; ) {
    const approval = await get(approvalToken, { signal })
    if (approval.status !== 'pending') return approval
    if (Date.now() + intervalMs > endMs) {
      throw new PerSQLError({ status: 0, code: 'timeout', message: `No decision within ${timeoutMs} ms.` })
    }
    await pause(intervalMs, signal)
  }
}
