/**
 * Names that no new namespace can have: an instance answers paths that begin with them itself, so the console couldn't show
 * the pages of such a namespace.
 */
export const RESERVED_SLUGS: ReadonlySet<string> = new Set([
  ...['v1', 'api', 'p', 'mcp', 'oauth', 'healthz', 'readyz', 'metrics', 'assets', 'docs', 'packages'],
  ...['login', 'signup', 'invite', 'approve', 'billing'],
])
