import { PerSQLError } from '@persql/contract'
import type { Account } from '../../accounts/auth.ts'
import { covers } from '../../authority.ts'
import type { Context } from '../../context.ts'
import { approvalAddress } from '../../database/review/approvals/tokens.ts'
import { getMemberAccess } from '../authenticate.ts'
import { databaseObject } from '../objects.ts'
import type { AccountHandlers } from './handlers.ts'

type AccountContext = Context & { readonly account: Account }
interface Answered {
  readonly token: string
  readonly note?: string | undefined
}

export const approvals = {
  get_approval_request: async ({ token }, ctx) => (await requestAt(token, ctx)).database.showApproval(token),
  approve_request: (input, ctx) => decided(input, true, ctx),
  deny_request: (input, ctx) => decided(input, false, ctx),
} satisfies Partial<AccountHandlers>

async function decided({ token, note = undefined }: Answered, approved: boolean, ctx: AccountContext) {
  const { database, role } = await requestAt(token, ctx)
  if (!covers(role, 'editor')) throw new PerSQLError('role_insufficient', { role, action: 'approve or deny requests' })
  return database.decideApproval(token, { approved, by: `user:${ctx.account.userId}`, note: note ?? null })
}

/** Finds the database of an approval request. Only its members learn that it exists. */
async function requestAt(token: string, ctx: AccountContext) {
  const { namespace, slug } = approvalAddress(token)
  try {
    const { role } = await getMemberAccess(ctx, ctx.account, namespace, slug)
    return { database: databaseObject(ctx.env, namespace, slug), role }
  } catch (cause) {
    const hidden = ['namespace_not_found', 'database_not_found'].includes(PerSQLError.from(cause).code)
    throw hidden ? new PerSQLError('approval_not_found', {}, { cause }) : cause
  }
}
