/** Every failure a caller can see. The code, the HTTP status and the sentence live here and nowhere else. `{name}` is filled from the error's details. */
export const errors = {
  invalid_json: { status: 400, message: 'The body is not valid JSON.' },
  body_incomplete: {
    status: 400,
    message: 'The connection ended before all of the request body had arrived. Nothing was done.',
  },
  invalid_input: { status: 400, message: '{problem}' },
  invalid_spec: { status: 400, message: '{problem}' },
  fields_refused: { status: 400, message: 'Some fields are missing or wrong: {fields}.' },
  values_refused: { status: 400, message: 'The database does not take these values.' },
  sql_error: { status: 400, message: '{message}' },
  multiple_statements: { status: 400, message: 'Send one statement per call; use batch for several.' },
  empty_statement: { status: 400, message: 'There is no SQL statement in "sql".' },
  import_failed: { status: 400, message: '{reason}' },
  statement_not_allowed: { status: 400, message: '{what} is not available here. {instead}' },
  integer_out_of_range: {
    status: 400,
    message: '{where} is an integer beyond ±9007199254740991, which JSON readers would round. {instead}',
  },
  result_too_large: {
    status: 400,
    message: 'The result is larger than {limit}. Select fewer columns or page with LIMIT.',
  },
  webhook_refused: { status: 400, message: 'This is not signed by Stripe, or was signed too long ago.' },
  payment_not_understood: { status: 400, message: 'A payment that PerSQL did not ask for like this: {what}.' },
  exceeds_parent: {
    status: 400,
    message: 'A token can give at most its own access, and "{field}" exceeds it. Lower or omit "{field}".',
  },
  url_not_public: { status: 400, message: 'The URL must be https and lead to a public host: {problem}.' },
  token_missing: { status: 401, message: 'Send "Authorization: Bearer <token>".' },
  token_malformed: { status: 401, message: 'Invalid token format' },
  token_unknown: { status: 401, message: 'This token is not known. It may have been revoked or have expired.' },
  token_audience: { status: 401, message: 'This token was made for another door of PerSQL.' },
  not_signed_in: { status: 401, message: 'Sign in first.' },
  session_missing: { status: 401, message: 'Send "Authorization: Bearer <session token>".' },
  session_invalid: { status: 401, message: 'This session is not valid here, or has expired. Log in again.' },
  login_failed: { status: 401, message: 'E-mail or password is wrong.' },
  operator_only: { status: 401, message: 'Only the operator of this instance may call this.' },
  insufficient_balance: { status: 402, message: 'Insufficient balance' },
  namespace_mismatch: { status: 403, message: 'Token namespace mismatch' },
  role_insufficient: { status: 403, message: 'Role "{role}" may not {action}.' },
  oauth_needs_https: {
    status: 403,
    message: 'Apps can be let in over https only, or on this machine: {origin} is neither.',
  },
  origin_refused: { status: 403, message: 'This request comes from another site ({origin}), so it is not taken.' },
  page_not_allowed: { status: 403, message: 'Pages of {origin} may not call this endpoint.' },
  captcha_missing: { status: 403, message: 'Send the token of the captcha in the header cf-turnstile-response.' },
  captcha_failed: { status: 403, message: 'The captcha was not passed, or its token was used before. Try again.' },
  token_pinned: { status: 403, message: 'This token opens the database it was made for, and nothing else.' },
  not_for_scoped_token: {
    status: 403,
    message: "A token with a table scope can't {action}, because that reaches beyond the tables in its scope.",
  },
  table_out_of_scope: { status: 403, message: 'Token scope does not include table "{table}"' },
  table_protected: {
    status: 403,
    message: 'Table "{table}" belongs to PerSQL: it cannot be changed, and not all of its kind can be read.',
  },
  table_unresolved: {
    status: 403,
    message: 'PerSQL cannot tell which tables this statement touches, so it does not run it.',
  },
  approval_denied: { status: 403, message: 'An approval rule keeps this from writing to "{table}". Nothing was done.' },
  approval_required: {
    status: 403,
    message: 'Writing to "{table}" needs the approval of a human. Nothing was done yet.',
  },
  namespace_suspended: { status: 403, message: 'This namespace is suspended. Its data is untouched.' },
  route_not_found: { status: 404, message: 'There is nothing at {method} {path}.' },
  database_not_found: { status: 404, message: 'There is no database "{database}".' },
  namespace_not_found: { status: 404, message: 'There is no namespace "{namespace}".' },
  proposal_not_found: {
    status: 404,
    message: 'This proposal is not known to this token here. It may have been applied, or have expired.',
  },
  approval_not_found: { status: 404, message: 'This approval is not known to you here.' },
  approval_rule_not_found: { status: 404, message: 'There is no approval rule "{id}".' },
  snapshot_not_found: { status: 404, message: 'There is no snapshot "{snapshot}", or none as old as that.' },
  branch_not_found: { status: 404, message: 'There is no branch "{ref}" here.' },
  handoff_not_found: {
    status: 404,
    message: 'This handoff is not known. It may have been redeemed, or have expired.',
  },
  table_not_found: { status: 404, message: 'There is no table "{table}".' },
  endpoint_not_found: { status: 404, message: 'There is no endpoint "{endpoint}" here.' },
  version_not_found: { status: 404, message: 'There is no version {version} of this endpoint any more.' },
  migration_not_found: { status: 404, message: 'There is no migration "{id}".' },
  oauth_grant_not_found: { status: 404, message: 'There is no app with the grant "{id}" here.' },
  webhook_not_found: { status: 404, message: 'There is no webhook "{id}".' },
  delivery_not_found: { status: 404, message: 'There is no delivery "{id}" any more.' },
  saved_query_not_found: { status: 404, message: 'There is no saved query "{id}".' },
  schedule_not_found: { status: 404, message: 'There is no schedule "{id}".' },
  token_not_found: { status: 404, message: 'There is no token "{id}".' },
  member_not_found: { status: 404, message: 'There is no member "{member}" here.' },
  oauth_client_invalid: { status: 400, message: 'The document that describes this app cannot be used: {problem}.' },
  oauth_form_expired: {
    status: 400,
    message: 'This form was not made for you, or is too old. Go back to the app and start again.',
  },
  invitation_not_found: {
    status: 404,
    message: 'This invitation is not known. It may have been used, revoked or have expired.',
  },
  hostname_not_found: { status: 404, message: 'The hostname "{hostname}" is not one of this database.' },
  method_not_allowed: { status: 405, message: '{path} does not take {method}. It takes {allowed}.' },
  body_timeout: {
    status: 408,
    message: 'The request body did not arrive in time: {problem}. Nothing was done. Send the whole request again.',
  },
  query_timeout: { status: 408, message: 'The statement ran for more than {seconds} s and was stopped.' },
  took_too_long: {
    status: 408,
    message:
      'This took longer than the {seconds} s that it may, so nothing of it was kept. Try again when the machine has less to do; if it stays so, there is too much for one go: do it in parts.',
  },
  database_deleting: {
    status: 409,
    message: 'Database "{slug}" is being deleted. Its name can be used again once that is complete.',
  },
  slug_taken: { status: 409, message: '"{slug}" exists already.' },
  table_exists: {
    status: 409,
    message: 'There is a table "{table}" already. Import without "create" to add rows to it.',
  },
  import_under_way: { status: 409, message: 'Something is being imported already. Try again when that has ended.' },
  branch_of_branch: { status: 409, message: '"{database}" is a branch itself. Branch the database it comes from.' },
  proposal_stale: {
    status: 409,
    message: 'The schema has changed: this statement would do something else now. Propose it again.',
  },
  approval_not_open: { status: 409, message: 'This approval is {status}, so this cannot be done with it.' },
  approval_stale: {
    status: 409,
    message: 'The schema or the rules have changed: this would do something else than what was approved. Ask anew.',
  },
  copy_impossible: {
    status: 409,
    message: 'This database cannot be copied with its rows: {problem}.',
  },
  text_not_utf8: {
    status: 409,
    message:
      'Column "{column}" of table "{table}" contains text that is not valid UTF-8{where}. CSV and NDJSON cannot represent it. Correct the value, or export as SQL or as a SQLite file.',
  },
  limit_reached: { status: 409, message: 'There are {limit} {what} already, which is as many as a database can have.' },
  conflict: { status: 409, message: 'This conflicts with what is there already.' },
  hostname_taken: { status: 409, message: '"{hostname}" leads to another database already.' },
  already_member: { status: 409, message: '{member} is a member already.' },
  migration_applied: {
    status: 409,
    message: 'The migration "{name}" was applied, so it stays as it is. Write a new one.',
  },
  migration_exists: { status: 409, message: 'There is a draft "{name}" already. Change that one.' },
  saved_query_exists: {
    status: 409,
    message: 'There is a saved query "{name}" already. Choose another name, or change that one.',
  },
  saved_query_changed: {
    status: 409,
    message: 'Somebody changed the saved query "{name}" meanwhile. Look at what it is now before you overwrite it.',
  },
  saved_query_on_branch: {
    status: 409,
    message: 'A branch has no saved queries of its own. Save it in the database that it is a branch of.',
  },
  advice_under_way: { status: 409, message: 'Indexes are being looked for already. Ask again when that has ended.' },
  fork_point_unknown: {
    status: 409,
    message: 'It is not known what the branch "{ref}" began with: it is older than that is kept. Reset it, then merge.',
  },
  merge_conflict: {
    status: 409,
    message: 'Branch and parent do not go together: {what}. Nothing was changed; "merge" tells where.',
  },
  merge_would_lose_data: {
    status: 409,
    message: 'This would lose data of the parent: {what}. Nothing was changed; "allowDataLoss" does it all the same.',
  },
  merge_stale: {
    status: 409,
    message: 'Branch or parent have changed: this merge would do something else now. Look at "merge" and ask again.',
  },
  merge_impossible: {
    status: 409,
    message: "The rows of this branch can't be merged: {problem}. Nothing was changed.",
  },
  merge_under_way: { status: 409, message: 'A branch is being merged here already. Ask again when that has ended.' },
  last_owner: { status: 409, message: 'A namespace needs an owner. Make somebody else owner or admin first.' },
  expectation_failed: { status: 409, message: 'Statement {statement}: expected {expected}, got {actual}.' },
  sqlite_file_refused: { status: 400, message: 'This SQLite file cannot be imported: {problem}' },
  body_too_large: { status: 413, message: 'The body is larger than {limit}.' },
  idempotency_mismatch: { status: 422, message: 'This {header} was used with another request in the last 24 hours.' },
  question_refused: { status: 422, message: 'No answer to this question: {reason}' },
  upgrade_required: { status: 426, message: 'This is a WebSocket: send "Upgrade: websocket".' },
  flood: { status: 429, message: 'Too many requests from this address. Retry after {seconds} s.' },
  rate_limited: { status: 429, message: 'Too many calls. Retry after {seconds} s.' },
  internal: {
    status: 500,
    message: 'Something went wrong on our side. Check what was done before you repeat the request.',
  },
  deletion_incomplete: {
    status: 500,
    message: 'Some snapshots could not be deleted. The reason is in the log of the instance.',
  },
  endpoint_failed: {
    status: 500,
    message: 'This endpoint does not work right now. Its owner finds the reason in the query log.',
  },
  mail_failed: {
    status: 502,
    message: 'The mail to {to} was not accepted. Try again, or have the operator look at the log.',
  },
  model_failed: { status: 502, message: 'The model did not answer. Try again in a moment.' },
  payment_provider_failed: {
    status: 502,
    message: 'Stripe did not take this right now. Try again; nothing was charged.',
  },
  model_unavailable: {
    status: 503,
    message: 'This instance has no model: its operator has to set AI_BASE_URL and AI_MODEL.',
  },
  dns_unavailable: {
    status: 503,
    message: 'The TXT record of "{name}" could not be looked up right now. Nothing was changed; try again.',
  },
  payments_unavailable: {
    status: 503,
    message: 'This instance takes no payments: its operator has to set STRIPE_SECRET_KEY and STRIPE_WEBHOOK_SECRET.',
  },
  captcha_unavailable: {
    status: 503,
    message: 'The captcha cannot be checked right now, so the call is not taken. Try again.',
  },
  file_impossible: {
    status: 409,
    message: 'This database cannot be written as a SQLite file: {problem}. The SQL dump has all of it.',
  },
  copy_cut_off: { status: 503, message: 'The copy was cut off. Nothing of it was kept; try again.' },
  import_cut_off: { status: 503, message: 'The import was cut off. Nothing of it was kept; try again.' },
  unavailable: { status: 503, message: 'The database is not reachable right now. Try again.' },
} as const satisfies Record<string, { status: number; message: string }>

export type ErrorCode = keyof typeof errors

/** Facts about a failure: they fill the sentence; those in `extra` also travel beside it on the wire. */
export type ErrorDetails = Readonly<Record<string, unknown>>

/**
 * A failure with a code from the table. `details` fill the message, `extra` is sent beside `error` and `code`,
 * `cause` stays in the log.
 */
export class PerSQLError extends Error {
  override readonly name = 'PerSQLError'
  readonly code: ErrorCode
  readonly details: ErrorDetails
  readonly extra: ErrorDetails

  constructor(code: ErrorCode, details: ErrorDetails = {}, options: { extra?: ErrorDetails; cause?: unknown } = {}) {
    super(sentence(code, details), { cause: options.cause })
    this.code = code
    this.details = details
    this.extra = options.extra ?? {}
  }

  get status(): number {
    return errors[this.code].status
  }

  /** Revives an error that lost its class on the way through RPC; anything unknown becomes `internal`. */
  static from(cause: unknown): PerSQLError {
    if (cause instanceof PerSQLError) return cause
    const { code, details, extra } = Object(cause) as Partial<PerSQLError>
    return typeof code === 'string' && Object.hasOwn(errors, code)
      ? new PerSQLError(code, details, { extra, cause })
      : new PerSQLError('internal', {}, { cause })
  }

  /** The body that `/v1` and `/api` answer. */
  toJSON(): { success: false; error: string; code: ErrorCode } & Record<string, unknown> {
    return { success: false, error: this.message, code: this.code, ...this.extra }
  }
}

function sentence(code: ErrorCode, details: ErrorDetails): string {
  return errors[code].message.replace(/\{(\w+)\}/g, (_, key: string) => String(details[key] ?? '')).trim()
}
