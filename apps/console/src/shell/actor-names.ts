import { useApiQuery } from '../api/hooks.ts'
import { useCan } from './membership.ts'
import { useNamespace } from './paths.ts'

/** Returns the display name of an actor such as `user:<id>` or `token:<id>`. */
export function actorName(actor: string, names: ReadonlyMap<string, string>, knowsTokens = true): string {
  const [kind, id = ''] = actor.split(/:(.*)/s)
  const name = names.get(id)
  if (kind === 'user') return name ?? `a former member (${id.slice(0, 8)})`
  if (kind === 'token') return name ? `token ${name}` : `a ${knowsTokens ? 'revoked ' : ''}token (${id.slice(0, 8)})`
  return actor === 'system' ? 'PerSQL' : actor
}

/** Returns a function that looks up actors of the namespace. It returns `undefined` until the names are loaded. */
export function useActorName(): (actor: string) => string | undefined {
  const ns = useNamespace()
  const seesTokens = useCan('admin')
  const members = useApiQuery('GET /api/namespaces/{ns}/members', { ns })
  const tokens = useApiQuery('GET /api/namespaces/{ns}/tokens', { ns }, { enabled: seesTokens })
  if (members.isLoading || tokens.isLoading) return () => undefined
  const names = new Map([
    ...(members.data ?? []).map(({ userId, email }) => [userId, email] as const),
    ...(tokens.data ?? []).map(({ id, name }) => [id, name] as const),
  ])
  return (actor) => actorName(actor, names, tokens.data !== undefined)
}
