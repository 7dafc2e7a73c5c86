import { PerSQLError } from '@persql/sdk'

const STEPS: Readonly<Record<string, string>> = {
  network: 'Check your connection, and that the instance is running. Then try again.',
  timeout: 'The server took too long. Try again, or ask for less at once.',
  not_signed_in: 'Sign in, and you come back here.',
  insufficient_balance: 'Add funds under Settings → Billing. Your data stays as it is meanwhile.',
  role_insufficient: 'Ask an admin or owner of the namespace for a higher role (Settings → Members).',
  namespace_not_found: 'It may have been deleted, or you are no member. Choose another in the menu at the top.',
  database_not_found: 'It may have been deleted or renamed. Go back to the list of databases.',
  namespace_suspended: 'Write to whoever runs this instance.',
  saved_query_exists: 'Type another name, or replace what is saved under this one.',
  slug_taken: 'Choose another name.',
  sql_error: 'Correct the statement and run it again. The pages Tables and Schema tell what there is.',
  query_timeout: 'Select fewer rows, or add an index for what the statement filters by.',
  result_too_large: 'Select fewer columns, or page with LIMIT and OFFSET.',
  statement_not_allowed: 'Write it another way; the message says how.',
  limit_reached: 'Delete one that you no longer need first.',
  payments_unavailable: 'The operator of this instance has set up no payments. Ask them for credit.',
  model_unavailable: 'The operator of this instance has set up no model. SQL works without.',
  mail_failed: 'Try again later, or pass the link on yourself.',
  idempotency_mismatch: 'Reload the page and do it once more.',
  merge_stale: 'Review what the merge would do now. If it does what you want, merge.',
  merge_conflict:
    'Review the conflicts: merge the schema first where rows need it, choose whose rows stay, or change the branch or its parent.',
  merge_under_way: 'Wait until the other merge has ended, then try again.',
  fork_point_unknown: 'Reset the branch, bring your changes in again, and merge soon after.',
  import_failed: 'Correct the file at that line and import it again.',
  import_under_way: 'Wait until the other import has ended; its progress is shown here.',
  import_cut_off: 'Choose the file and import it again.',
  table_exists: 'Import without making the table, or give it another name.',
  stopped: 'Choose the file again when you want to.',
  approval_denied: 'Ask an admin for a change of the approval rules, or run the statement by itself.',
  approval_not_found: 'It may have been asked for too long ago. Whoever asked has to ask anew.',
  approval_not_open: 'Look at how it stands by now. To run it after all, it has to be asked for anew.',
  approval_stale: 'Run the statement again: that asks for what it would do now.',
  flood: 'Wait a moment, then try again.',
}

/** What somebody can do about a failure, in a sentence. */
export function nextStep(error: unknown): string {
  if (!(error instanceof PerSQLError)) return 'Reload the page. If it happens again, tell whoever runs this instance.'
  const known = STEPS[error.code]
  if (known) return known
  if (error.status === 429) return 'Wait a moment, then try again.'
  if (error.status >= 500) return 'Nothing you did wrong. Try again in a moment.'
  if (error.status === 404) return 'It may have been deleted meanwhile. Reload to see what is there.'
  return 'Correct what is named, then try again.'
}

/** Returns the platform's hint without the sentence that names a call, which is for programs. */
export const hintOf = (detail: { hint?: string | undefined } | undefined): string | undefined =>
  detail?.hint?.replace(/ ?GET \u2026.*$/, '') || undefined
