import { PerSQLError } from '@persql/sdk'

const STEPS: Readonly<Record<string, string>> = {
  network: 'Check your connection and make sure the server is running, then try again.',
  timeout: 'The server took too long to respond. Try again, or request less data.',
  not_signed_in: "Sign in to continue. You'll come back to this page.",
  insufficient_balance: 'Add funds in Settings → Billing. Your data is kept.',
  role_insufficient: 'Ask a namespace admin or owner for a higher role (Settings → Members).',
  namespace_not_found:
    "It may have been deleted, or you're not a member. Choose another namespace from the menu at the top.",
  database_not_found: 'It may have been deleted or renamed. Go back to your databases.',
  namespace_suspended: 'Contact the operator of this instance.',
  saved_query_exists: 'Choose another name, or replace the existing query.',
  slug_taken: 'Choose a different name.',
  sql_error: 'Fix the statement and run it again. Check names on the Tables or Schema page.',
  query_timeout: 'Select fewer rows, or add an index on the columns you filter by.',
  result_too_large: 'Select fewer columns, or page with LIMIT and OFFSET.',
  statement_not_allowed: 'Rewrite the statement as the message suggests.',
  limit_reached: 'Delete one you no longer need, then try again.',
  payments_unavailable: "Payments aren't set up on this instance. Ask the operator to add credit.",
  model_unavailable: 'No AI model is configured on this instance. You can still write SQL.',
  mail_failed: 'Try again later, or share the link yourself.',
  idempotency_mismatch: 'Reload the page and try again.',
  merge_stale: 'Review the updated preview before you merge.',
  merge_conflict:
    'Merge the schema first if the rows depend on it. Then choose which side wins, or fix the branch or its parent.',
  merge_under_way: 'Wait for the other merge to finish, then try again.',
  fork_point_unknown: 'Reset the branch, reapply your changes, and merge again.',
  import_failed: 'Fix the file at that line and import it again.',
  import_under_way: 'Wait for the current import to finish. Its progress is shown here.',
  import_cut_off: 'Select the file and import it again.',
  table_exists: 'Turn off “Create table”, or choose another table name.',
  stopped: "Select the file again when you're ready.",
  approval_denied: 'Ask an admin to change the approval rules, or run the statement on its own.',
  approval_not_found: 'The request may have expired. Ask the requester to submit it again.',
  approval_not_open: 'Check its current status. To run the write, request approval again.',
  approval_stale: 'Run the statement again to request approval against the current schema.',
  flood: 'Wait a moment, then try again.',
}

/** Returns the next step after a failure, as one or two sentences. */
export function nextStep(error: unknown): string {
  if (!(error instanceof PerSQLError))
    return 'Reload the page. If it happens again, contact the operator of this instance.'
  const known = STEPS[error.code]
  if (known) return known
  if (error.status === 429) return 'Wait a moment, then try again.'
  if (error.status >= 500) return 'Something went wrong on our side. Try again in a moment.'
  if (error.status === 404) return 'It may have been deleted. Reload the page to see the current state.'
  return 'Fix the problem above, then try again.'
}

/** Returns the platform's hint without its sentence about an API call, which is for programs. */
export const hintOf = (detail: { hint?: string | undefined } | undefined): string | undefined =>
  detail?.hint?.replace(/ ?GET \u2026.*$/, '') || undefined
