import { databaseErrors } from './database-errors.ts'
import { transactionErrors } from './transaction-errors.ts'

/**
 * All errors that callers can receive: the only place for their code, HTTP status and message. `{name}` is replaced by
 * the error's details.
 */
export const errors = {
  ...transactionErrors,
  invalid_json: { status: 400, message: "The request body isn't valid JSON." },
  body_incomplete: {
    status: 400,
    message:
      'The connection closed before the whole request body arrived. Nothing was changed. Send the request again.',
  },
  invalid_input: { status: 400, message: '{problem}' },
  invalid_spec: { status: 400, message: 'Invalid endpoint spec: {problem}' },
  fields_refused: { status: 400, message: 'Missing or invalid {fields}.' },
  values_refused: { status: 400, message: 'These values violate a database constraint. Send different values.' },
  sql_error: { status: 400, message: '{message}' },
  duplicate_column: {
    status: 400,
    message: 'Several columns are named "{column}". Name each with AS, or leave out "rows": "objects".',
  },
  multiple_statements: {
    status: 400,
    message: 'Only one statement is allowed per call. To run several, use batch or script.',
  },
  empty_statement: { status: 400, message: 'The "sql" field contains no SQL statement.' },
  import_failed: { status: 400, message: '{reason}' },
  statement_not_allowed: { status: 400, message: "{what} isn't supported. {instead}" },
  stream_expired: { status: 400, message: 'The stream has expired due to inactivity, or it was closed. {instead}' },
  integer_out_of_range: {
    status: 400,
    message: '{where} is an integer outside ±9007199254740991, which JSON parsers would round. {instead}',
  },
  result_too_large: { status: 400, message: 'The result exceeds {limit}. Select fewer columns, or page with LIMIT.' },
  webhook_refused: {
    status: 400,
    message: 'Invalid Stripe signature, or the signed timestamp is too old. Check STRIPE_WEBHOOK_SECRET.',
  },
  payment_not_understood: { status: 400, message: "Unexpected {what}: it doesn't match a top-up created by PerSQL." },
  exceeds_parent: {
    status: 400,
    message: '"{field}" exceeds your own access. Reduce or omit "{field}".',
  },
  url_not_public: { status: 400, message: 'Invalid webhook URL: {problem}. Use an https URL with a public host.' },
  token_missing: { status: 401, message: 'Missing API token. Send it as "Authorization: Bearer <token>".' },
  token_malformed: { status: 401, message: 'Invalid token format' },
  token_unknown: { status: 401, message: 'Unknown, revoked or expired token. Create a new one in Settings → Tokens.' },
  token_audience: {
    status: 401,
    message:
      'This token was issued for a different API (REST or MCP). Authorize the app again for the API that you call.',
  },
  not_signed_in: { status: 401, message: 'Not signed in. Sign in and try again.' },
  session_missing: {
    status: 401,
    message: 'Missing session. {instead}',
  },
  session_invalid: { status: 401, message: 'Invalid or expired session. Sign in again.' },
  login_failed: { status: 401, message: 'Incorrect email or password.' },
  operator_only: {
    status: 401,
    message: 'Only the operator can call this. Send the operator secret as "Authorization: Bearer <secret>".',
  },
  insufficient_balance: { status: 402, message: 'Insufficient balance' },
  namespace_mismatch: { status: 403, message: 'Token namespace mismatch' },
  role_insufficient: { status: 403, message: 'The role "{role}" isn\'t allowed to {action}.' },
  owner_required: {
    status: 403,
    message:
      'Only owners can move balance, and no owner created this token. Use the console, or a token that an owner created.',
  },
  oauth_needs_https: {
    status: 403,
    message: "OAuth requires https, except on localhost. This instance's URL is {origin}.",
  },
  origin_not_allowed: {
    status: 403,
    message:
      'Pages of "{origin}" can\'t use this token. Nothing was run. Add the origin to "origins" when you create a token.',
  },
  origin_refused: { status: 403, message: 'Request from {origin} was blocked. {instead}' },
  page_not_allowed: {
    status: 403,
    message: "The origin {origin} isn't allowed to call this endpoint. Add it to the endpoint's allowed origins.",
  },
  captcha_missing: { status: 403, message: 'Missing captcha token. Send it in the cf-turnstile-response header.' },
  captcha_failed: {
    status: 403,
    message: 'Captcha verification failed, or the captcha token was already used. Solve the captcha again.',
  },
  token_pinned: {
    status: 403,
    message:
      'This token is limited to specific databases. It has no access to other databases or to the namespace itself.',
  },
  operation_not_granted: {
    status: 403,
    message:
      'This token can\'t call {operation}: its "operations" don\'t include it. Use a token that has this operation.',
  },
  not_for_scoped_token: {
    status: 403,
    message: "A token with a table scope can't {action}, because that requires access to tables outside the scope.",
  },
  table_out_of_scope: { status: 403, message: 'Token scope does not include table "{table}"' },
  table_protected: {
    status: 403,
    message: '"{table}" is a system table. System tables can\'t be modified, and some can\'t be read.',
  },
  table_unresolved: {
    status: 403,
    message:
      "Can't determine which tables this statement uses, so it wasn't run. Check the views and triggers that it uses, or split it into simpler statements.",
  },
  approval_denied: { status: 403, message: 'An approval rule blocks writes to "{table}". Nothing was written.' },
  approval_required: {
    status: 403,
    message:
      'Writes to "{table}" need approval. Nothing was written yet. Send the approval URL to a member who can edit this database.',
  },
  approval_in_transaction: {
    status: 403,
    message:
      'An approval rule protects "{table}", so interactive transactions can\'t write to it. Send the statement as a query or a batch.',
  },
  namespace_suspended: {
    status: 403,
    message: 'This namespace is suspended. Your data is kept. Contact the operator.',
  },
  route_not_found: { status: 404, message: 'No route for {method} {path}.' },
  libsql_url_incomplete: {
    status: 404,
    message: 'The libSQL URL must name a database and end with a slash: {url}.',
  },
  package_not_found: { status: 404, message: 'Package "{package}" not found. See /packages/ for all packages.' },
  packages_not_served: {
    status: 404,
    message: "This instance doesn't serve client packages. Install them from the npm registry.",
  },
  database_not_found: { status: 404, message: 'Database "{database}" not found.' },
  namespace_not_found: { status: 404, message: 'Namespace "{namespace}" not found.' },
  proposal_not_found: {
    status: 404,
    message: 'Proposal not found. It may have been applied, expired, or created with another token.',
  },
  approval_not_found: {
    status: 404,
    message: 'Approval request not found. It may have expired, or it belongs to another token or database.',
  },
  approval_rule_not_found: { status: 404, message: 'Approval rule "{id}" not found.' },
  snapshot_not_found: { status: 404, message: 'Snapshot {snapshot} not found.' },
  branch_not_found: { status: 404, message: 'Branch "{ref}" not found.' },
  handoff_not_found: {
    status: 404,
    message: 'Handoff code not found. It may have been redeemed or expired. Ask for a new one.',
  },
  table_not_found: { status: 404, message: 'Table "{table}" not found.' },
  endpoint_not_found: { status: 404, message: 'Endpoint "{endpoint}" not found.' },
  version_not_found: {
    status: 404,
    message: 'Version {version} of this endpoint not found. Only the latest 50 versions are kept.',
  },
  migration_not_found: { status: 404, message: 'Migration "{id}" not found.' },
  oauth_grant_not_found: { status: 404, message: 'Connected app "{id}" not found.' },
  webhook_not_found: { status: 404, message: 'Webhook "{id}" not found.' },
  delivery_not_found: {
    status: 404,
    message: 'Delivery "{id}" not found. Only the latest 100 finished deliveries are kept.',
  },
  saved_query_not_found: { status: 404, message: 'Saved query "{id}" not found.' },
  schedule_not_found: { status: 404, message: 'Schedule "{id}" not found.' },
  token_not_found: { status: 404, message: 'Token "{id}" not found.' },
  account_not_found: {
    status: 404,
    message: 'No account has the email address {email}. Invite this person as an owner instead.',
  },
  member_not_found: { status: 404, message: 'Member "{member}" not found.' },
  oauth_client_invalid: { status: 400, message: 'Invalid OAuth client metadata: {problem}.' },
  oauth_form_expired: {
    status: 400,
    message: 'This form has expired or was opened by another account. {instead}',
  },
  invitation_not_found: {
    status: 404,
    message: 'Invitation not found. It may have been accepted, revoked or expired. {instead}',
  },
  hostname_not_found: { status: 404, message: 'Hostname "{hostname}" not found on this database.' },
  method_not_allowed: { status: 405, message: "{method} isn't allowed on {path}. Use {allowed}." },
  body_timeout: {
    status: 408,
    message: 'The request body took too long to arrive: {problem}. Nothing was changed. Send the request again.',
  },
  query_timeout: {
    status: 408,
    message: 'The statement was stopped after {seconds} s. Add an index, or process fewer rows.',
  },
  query_canceled: { status: 409, message: 'The statement was canceled.' },
  query_not_found: {
    status: 404,
    message: 'No running read of this database has the request ID "{id}". It may have ended.',
  },
  took_too_long: {
    status: 408,
    message:
      'The operation was stopped after {seconds} s and rolled back. Try again later, or split it into smaller parts.',
  },
  ...databaseErrors,
  slug_taken: { status: 409, message: '"{slug}" is already taken. Choose another name.' },
  too_many_namespaces: {
    status: 409,
    message:
      'Your account already has {limit} namespaces, which is the limit. Delete one, or ask the operator for a higher limit.',
  },
  too_many_databases: {
    status: 409,
    message:
      'This namespace has {used} databases, and its quota "databases" is {limit}. Delete a database or branch, or ask the operator to raise the quota.',
  },
  quota_exceeded: {
    status: 409,
    message:
      'This would exceed the quota "{quota}": {used} of {limit} is used. Nothing was changed. Delete what you no longer need, or ask the operator to raise the quota.',
  },
  replay_dropped: {
    status: 409,
    message:
      'The call with this {header} already ran, but its response is no longer stored. Nothing was changed by this call. Read the data to see the effect. For a new call, use another {header}.',
  },
  not_transferable: {
    status: 409,
    message:
      'Only {available} can be transferred. The welcome credit and the balance that databases have reserved stay in this namespace. Nothing was moved.',
  },
  table_exists: { status: 409, message: 'Table "{table}" already exists. To add rows to it, import without "create".' },
  import_under_way: { status: 409, message: 'Another import is in progress. Try again when it finishes.' },
  branch_of_branch: {
    status: 409,
    message: '"{database}" is a branch and can\'t be branched. Branch its parent database instead.',
  },
  proposal_stale: { status: 409, message: 'The schema changed since the write was proposed. Propose the write again.' },
  approval_not_open: { status: 409, message: 'This approval request is {status}. {instead}' },
  approval_stale: {
    status: 409,
    message: 'The schema or approval rules changed since the write was approved. Request approval again.',
  },
  copy_impossible: { status: 409, message: "Can't copy this database: {problem}." },
  text_not_utf8: {
    status: 409,
    message:
      'Column "{column}" of table "{table}" contains text that isn\'t valid UTF-8{where}, which CSV and NDJSON can\'t represent. Fix the value, or export as SQL or as a SQLite file.',
  },
  limit_reached: { status: 409, message: 'Limit reached: {limit} {what} per database. {instead}' },
  conflict: { status: 409, message: '{problem}' },
  hostname_taken: {
    status: 409,
    message: '"{hostname}" is already in use by another database. Delete it there first.',
  },
  email_not_verified: {
    status: 409,
    message:
      "The email address {email} of this account isn't verified, and the account isn't a member. Invite this person as an owner instead.",
  },
  already_member: { status: 409, message: '{member} is already a member.' },
  migration_applied: {
    status: 409,
    message: 'Migration "{name}" is already applied and can\'t be changed. Create a new one.',
  },
  migration_exists: { status: 409, message: 'A draft named "{name}" already exists. Edit it, or choose another name.' },
  saved_query_exists: {
    status: 409,
    message: 'A saved query named "{name}" already exists. Edit it, or choose another name.',
  },
  saved_query_changed: {
    status: 409,
    message: 'Someone else changed the saved query "{name}". Review their version before you overwrite it.',
  },
  saved_query_on_branch: {
    status: 409,
    message: "A branch can't have saved queries. Save the query in the parent database.",
  },
  advice_under_way: { status: 409, message: 'An index analysis is already in progress. Try again when it finishes.' },
  fork_point_unknown: {
    status: 409,
    message:
      'The merge base of branch "{ref}" is unknown, because the branch is older than merge tracking. Reset the branch, which deletes its changes, then make the changes again.',
  },
  merge_conflict: { status: 409, message: 'Merge conflict: {what}. Nothing was changed. See "merge" for details.' },
  merge_would_lose_data: {
    status: 409,
    message:
      'This merge would delete or change data in the parent: {what}. Nothing was changed. To merge anyway, set "allowDataLoss".',
  },
  merge_stale: {
    status: 409,
    message: 'The branch or its parent changed since the preview. Review the new plan in "merge", then merge again.',
  },
  merge_impossible: { status: 409, message: "Can't merge this branch: {problem}. Nothing was changed." },
  migrations_diverged: {
    status: 409,
    message:
      'The branch and its parent have different migrations with the same name: {names}. Rename those of the branch, or merge its schema instead.',
  },
  merge_under_way: {
    status: 409,
    message: 'Another merge into this database is in progress. Try again when it finishes.',
  },
  last_owner: { status: 409, message: 'A namespace must have an owner. Make another member an owner or admin first.' },
  expectation_failed: { status: 409, message: 'Statement {statement}: expected {expected}, but got {actual}.' },
  sqlite_file_refused: { status: 400, message: "Can't import this SQLite file: {problem}" },
  statement_too_long: {
    status: 413,
    message: 'A statement can have at most 100,000 bytes. Send long values as parameters, or send several statements.',
  },
  body_too_large: { status: 413, message: 'The request body exceeds {limit}.' },
  idempotency_mismatch: {
    status: 422,
    message: 'This {header} was already used with a different request in the last 24 hours. Use a new key.',
  },
  question_refused: { status: 422, message: "Can't answer this question: {reason}" },
  upgrade_required: { status: 426, message: 'WebSocket required. Send "Upgrade: websocket".' },
  flood: { status: 429, message: 'Too many requests from this IP address. Retry after {seconds} s.' },
  rate_limited: { status: 429, message: 'Rate limit exceeded. Retry after {seconds} s.' },
  too_busy: { status: 429, message: '{problem} Retry after {seconds} s.' },
  internal: {
    status: 500,
    message: 'The server had an internal error. Check whether the request took effect before you repeat it.',
  },
  deletion_incomplete: {
    status: 500,
    message: "Some snapshots couldn't be deleted. Try again, or ask the operator to check the log.",
  },
  endpoint_failed: {
    status: 500,
    message: 'This endpoint is failing. Its owner can find the reason in the query log.',
  },
  mail_failed: {
    status: 502,
    message: "Couldn't send email to {to}. Try again, or ask the operator to check the log.",
  },
  model_failed: {
    status: 502,
    message:
      "The AI model didn't respond, or its response is invalid. Try again, or ask the operator to check the log.",
  },
  payment_provider_failed: {
    status: 502,
    message: "Stripe didn't accept the request. You weren't charged. Try again, or ask the operator to check the log.",
  },
  model_unavailable: {
    status: 503,
    message: "AI isn't set up on this instance. The operator must set AI_BASE_URL and AI_MODEL.",
  },
  dns_unavailable: {
    status: 503,
    message: 'DNS lookup failed for the TXT record "{name}". Nothing was changed. Try again.',
  },
  payments_unavailable: {
    status: 503,
    message:
      "Payments aren't set up on this instance. The operator must set STRIPE_SECRET_KEY and STRIPE_WEBHOOK_SECRET.",
  },
  captcha_unavailable: { status: 503, message: '{problem}' },
  file_impossible: {
    status: 409,
    message: "Can't export this database as a SQLite file: {problem}. Export it as an SQL dump instead.",
  },
  packages_not_ready: { status: 503, message: 'The client packages are being built. Retry after {seconds} s.' },
  copy_cut_off: {
    status: 503,
    message: 'The copy was interrupted, or waited too long. Nothing was changed. Try again.',
  },
  import_cut_off: { status: 503, message: 'The import was interrupted and rolled back. Try again.' },
  database_suspended: {
    status: 503,
    message:
      'Writes to this database are refused until {until}, because one of its statements {problem} and was stopped. Process fewer rows at a time; reads still work.',
  },
  long_writes_suspended: {
    status: 503,
    message:
      'Writes that can take long are refused in this namespace until {until}, because several of its statements could only be stopped by restarting the server. Reads and writes of single rows still work.',
  },
  cell_unavailable: {
    status: 503,
    message:
      'The process that serves this namespace is restarting. Retry after {seconds} s. A write may have taken effect: repeat it with the same Idempotency-Key.',
  },
  unavailable: { status: 503, message: 'The database is temporarily unavailable. Try again.' },
  storage_full: {
    status: 507,
    message:
      "The server's disk is full, so nothing was written; reads still work. Ask the operator to make room, or delete databases, branches or snapshots that you no longer need.",
  },
} as const satisfies Record<string, { status: number; message: string }>
