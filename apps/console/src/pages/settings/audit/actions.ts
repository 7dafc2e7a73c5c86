/** What entries of the log can be about, as they begin, and how that is said. */
export const SUBJECTS = [
  ['', 'Everything'],
  ['namespace', 'Namespace'],
  ['database', 'Databases'],
  ['token', 'Tokens'],
  ['member', 'Members'],
  ['invitation', 'Invitations'],
  ['share', 'Sharing'],
  ['app', 'Apps'],
  ['endpoint', 'Endpoints'],
  ['session_key', 'Session keys'],
  ['hostname', 'Hostnames'],
  ['migration', 'Migrations'],
  ['snapshot', 'Snapshots'],
  ['saved_query', 'Saved queries'],
  ['schedule', 'Schedules'],
  ['webhook', 'Webhooks'],
  ['approval', 'Approvals'],
  ['approval_rule', 'Approval rules'],
  ['topup', 'Top-ups'],
] as const

/** What was done it to, by name where that is known. */
export const targetName = (target: string, names: ReadonlyMap<string, string>): string => names.get(target) ?? target
