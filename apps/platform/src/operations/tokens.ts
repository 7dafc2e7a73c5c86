import type { NamespaceHandlers } from '../execute.ts'
import { hashToken, mintToken } from '../token.ts'

export const tokens = {
  list_tokens: (paging, { namespace }) => namespace.listTokens(paging),
  create_token: async (request, { namespace, slug, actor }) => {
    const secret = mintToken(slug)
    return namespace.mintToken(secret, await hashToken(secret), request, actor)
  },
  revoke_token: async ({ id }, { namespace, actor }) => {
    await namespace.revokeToken(id, actor)
    return { revoked: true }
  },
  get_me: async (_input, { slug, caller }) => ({
    namespaceSlug: slug,
    namespaceId: caller.namespaceId,
    role: caller.role,
    tokenId: caller.tokenId,
  }),
} satisfies Partial<NamespaceHandlers>
