/** Prefixes of audit actions with their labels, for the filter. */
export const SUBJECTS = [
  ['', 'All'],
  ['namespace', 'Namespace'],
  ['database', 'Databases'],
  ['token', 'Tokens'],
  ['member', 'Members'],
  ['invitation', 'Invitations'],
  ['share', 'Sharing'],
  ['app', 'Connected apps'],
  ['endpoint', 'Endpoints'],
  ['session_key', 'Session keys'],
  ['hostname', 'Custom hostnames'],
  ['migration', 'Migrations'],
  ['snapshot', 'Snapshots'],
  ['saved_query', 'Saved queries'],
  ['schedule', 'Schedules'],
  ['webhook', 'Webhooks'],
  ['approval', 'Approvals'],
  ['approval_rule', 'Approval rules'],
  ['topup', 'Top-ups'],
  ['balance', 'Balance'],
] as const

/** Returns the name of an audit event's target, or its ID. */
export const targetName = (target: string, names: ReadonlyMap<string, string>): string => names.get(target) ?? target
