import { PerSQLError } from '@persql/contract'
import type { OperatorHandlers } from '../execute.ts'
import { directoryObject, namespaceObject } from '../objects.ts'
import { hashToken, mintToken } from '../token.ts'

export const operator = {
  create_namespace: async ({ slug, database, tokenName }, { env }) => {
    if (!(await directoryObject(env).isOpenToOperator(slug))) throw new PerSQLError('slug_taken', { slug })
    const secret = mintToken(slug)
    const made = await namespaceObject(env, slug).ensure(slug, database, tokenName, secret, await hashToken(secret))
    await directoryObject(env).add(slug, made.namespace.id)
    return made
  },
  list_namespaces: (_input, { env }) => directoryObject(env).list(),
} satisfies OperatorHandlers
