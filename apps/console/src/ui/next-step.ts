import { PerSQLError } from '@persql/sdk'
import { canRetry } from './can-retry.ts'

/** Steps that an error's own message lacks, or that are different in the console. */
const STEPS: Readonly<Record<string, string>> = {
  network: 'Check your connection and make sure the server is running, then try again.',
  timeout: 'The server took too long to respond. Try again, or request less data.',
  not_signed_in: "After you sign in, you'll come back to this page.",
  insufficient_balance: 'Add funds in Settings → Billing. Your data is kept.',
  role_insufficient: 'Ask a namespace admin or owner for a higher role (Settings → Members).',
  namespace_not_found:
    "It may have been deleted, or you're not a member. Choose another namespace from the menu at the top.",
  database_not_found: 'It may have been deleted. Go back to your databases.',
  sql_error: 'Fix the statement and run it again.',
  payments_unavailable: 'The operator can also add funds without a payment.',
  model_unavailable: 'You can still write SQL yourself.',
  idempotency_mismatch: 'Reload the page and try again.',
  merge_stale: 'Review the updated preview before you merge.',
  merge_conflict:
    'Merge the schema first if the rows depend on it. Then choose which side wins, or fix the branch or its parent.',
  import_failed: 'Fix the file at that line and import it again.',
  import_under_way: 'The progress of the current import is shown here.',
  table_exists: 'Turn off “Create table”, or choose another table name.',
  stopped: "Select the file again when you're ready.",
  approval_denied:
    'Ask an admin to change the approval rules. If a rule requires approval, run the write on the Query page.',
  approval_not_found: 'Ask the requester to send the write again.',
}

/** Returns the next step after a failure; empty if the message of the error has one. */
export function nextStep(error: unknown): string {
  if (!(error instanceof PerSQLError))
    return 'Reload the page. If it happens again, contact the operator of this instance.'
  const known = STEPS[error.code]
  if (known) return known
  if (hasStep(error.message)) return ''
  if (error.status === 429) return 'Wait a moment, then try again.'
  if (error.status >= 500) {
    return canRetry(error)
      ? 'The server had an error. Try again in a moment.'
      : "The server can't do this. Contact the operator of this instance."
  }
  if (canRetry(error)) return 'Try again in a moment.'
  if (error.status === 404) return 'It may have been deleted. Reload the page to see the current state.'
  return 'Fix the problem above, then try again.'
}

/** Returns whether a message has several sentences: the fact, then the next step. */
const hasStep = (message: string) => /[.?]["”)]?\s+\S/.test(message)

/** Returns the platform's hint, with a page of the console where it names an API call. */
export const getHint = (detail: { hint?: string | undefined } | undefined): string | undefined =>
  detail?.hint?.replace('GET …/tables', 'The Tables page').replace('GET …/schema', 'The Schema page')
