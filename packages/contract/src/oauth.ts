import * as z from 'zod'
import { operation } from './operation.ts'
import { Role } from './tokens.ts'
import { Timestamp } from './values.ts'

/** An app that a member authorized with OAuth. */
export const OAuthGrant = z.object({
  id: z.string(),
  /** The id the app was registered with, or the URL of its metadata document. */
  clientId: z.string(),
  /** The name that the app registered. */
  clientName: z.string(),
  /** The member who authorized the app, whose role limits its access. */
  userId: z.string(),
  role: Role,
  /** Slugs of the only databases it has access to; `null` for all. */
  databases: z.array(z.string()).nullable(),
  /** The API its tokens are for: MCP or `/v1`. */
  audience: z.enum(['mcp', 'v1']),
  createdAt: Timestamp,
  /** The time of its last access token. */
  lastTokenAt: Timestamp.nullable(),
  /** Number of tokens and unredeemed handoffs that the app created and that end with its access. */
  descendants: z.int(),
})
export type OAuthGrant = z.infer<typeof OAuthGrant>

/** Operations on connected apps. */
export const oauth = {
  list_oauth_grants: operation({
    summary: 'List connected apps you authorized; admins see those of all members',
    route: 'GET /api/namespaces/{ns}/oauth_grants',
    scope: 'member',
    role: 'viewer',
    input: z.strictObject({}),
    output: z.array(OAuthGrant),
  }),

  revoke_oauth_grant: operation({
    summary: "Revoke an app's access; its tokens, and tokens it created, stop working before the response is sent",
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
