import { expandOperations, operationGroups, PerSQLError } from '@persql/contract'
import { toIso } from '../../clock.ts'
import { newSecret } from '../../token.ts'
import type { NamespaceHandlers } from './handlers.ts'

/** @throws PerSQLError `invalid_input` for an unknown name */
function expand(names: readonly string[]): string[] {
  const expanded = expandOperations(names)
  if ('operations' in expanded) return expanded.operations
  const problem = `Unknown operation or group "${expanded.unknown}". Groups: ${Object.keys(operationGroups).join(', ')}.`
  throw new PerSQLError('invalid_input', { problem }, { extra: { fields: { operations: problem } } })
}

export const tokens = {
  list_tokens: ({ q, parent, database, ...paging }, { namespace, minter }) =>
    namespace.credentials.list({ q, parent, database }, paging, minter),
  get_token: ({ id }, { namespace, minter }) => namespace.credentials.get(id, minter),
  create_token: async (request, { namespace, slug, minter, actor }) =>
    namespace.credentials.mint(
      await newSecret(slug),
      request.operations ? { ...request, operations: expand(request.operations) } : request,
      minter,
      actor,
    ),
  revoke_token: ({ id, children }, { namespace, minter, actor }) =>
    namespace.credentials.revoke(id, children, minter, actor),
  rotate_token: async ({ id }, { namespace, slug, minter, actor }) =>
    namespace.credentials.rotate(id, await newSecret(slug), minter, actor),
  get_me: async (_input, { slug, caller, namespace, baseUrl }) => {
    const opened = await namespace.branches.opened(caller.opens)
    return {
      namespaceSlug: slug,
      namespaceId: caller.namespaceId,
      role: caller.role,
      tokenId: caller.tokenId,
      ...opened,
      branchRef: opened.branch,
      // Clients resolve their paths relative to the URL, so it has to end with a slash.
      libsqlUrl: opened.database === null ? null : `${baseUrl}/libsql/${slug}/${opened.database}/`,
      tableScope: caller.tableScope && [...caller.tableScope],
      operations: caller.operations && [...caller.operations],
      origins: caller.origins && [...caller.origins],
      expiresAt: toIso(caller.expiresAtMs),
    }
  },
} satisfies Partial<NamespaceHandlers>
