import * as z from 'zod'
import { operation } from './operation.ts'
import { Role } from './tokens.ts'
import { Moment } from './values.ts'

/** An app that a member let into a namespace, by OAuth. */
export const OAuthGrant = z.object({
  id: z.string(),
  /** The id the app was registered with, or the URL of its metadata document. */
  clientId: z.string(),
  /** What the app calls itself. */
  clientName: z.string(),
  /** The member who let it in, and whose own role bounds what it may do. */
  userId: z.string(),
  role: Role,
  /** The only databases it opens, by their slugs; `null` for all. */
  databases: z.array(z.string()).nullable(),
  /** Where its tokens are taken: at the MCP door, or at `/v1`. */
  audience: z.enum(['mcp', 'v1']),
  createdAt: Moment,
  /** When it last got an access token. */
  lastTokenAt: Moment.nullable(),
  /** Number of tokens and unredeemed handoffs that the app created and that end with its access. */
  descendants: z.int(),
})
export type OAuthGrant = z.infer<typeof OAuthGrant>

/** Operations on connected apps. */
export const oauth = {
  list_oauth_grants: operation({
    summary: 'List the apps one let into the namespace; admins see those of all members',
    route: 'GET /api/namespaces/{ns}/oauth_grants',
    scope: 'member',
    role: 'viewer',
    input: z.strictObject({}),
    output: z.array(OAuthGrant),
  }),

  revoke_oauth_grant: operation({
    summary: 'Revoke the access of an app. Once this returns, its tokens, and those it created, are refused everywhere',
    route: 'DELETE /api/namespaces/{ns}/oauth_grants/{id}',
    scope: 'member',
    role: 'viewer',
    input: z.strictObject({ id: z.string().min(1).max(40) }),
    output: z.object({
      revoked: z.literal(true),
      /** Number of tokens and unredeemed handoffs that the app had created and that ended with its access. */
      alsoRevoked: z.int(),
    }),
    errors: ['oauth_grant_not_found'],
  }),
}
