import {
  ProtocolError,
  ProtocolErrorCode,
  type ReadResourceResult,
  type Resource,
  ResourceNotFoundError,
} from '@modelcontextprotocol/server'
import { type api, isSlug, type Output, SLUG } from '@persql/contract'
import type { Reply } from '../reply.ts'
import { guide } from './guide.ts'
import { guideResource, JSON_TYPE, resourceTemplates } from './resource-list.ts'
import type { Session } from './session.ts'

const OF_DATABASE = new RegExp(`^persql://(${SLUG})/(schema|docs)$`)
const operations = { schema: 'get_schema', docs: 'get_docs' } as const

/** Lists the guide, and the schema and descriptions of each database of the namespace. */
export async function listResources(session: Session): Promise<Resource[]> {
  const slugs = await databaseSlugs(session)
  return [
    guideResource,
    ...slugs.flatMap((slug) =>
      resourceTemplates.map(({ uriTemplate, name, title, description, mimeType }) => ({
        uri: uriTemplate.replace('{database}', slug),
        name: `${slug}-${name}`,
        title: `${title} of ${slug}`,
        description,
        mimeType,
      })),
    ),
  ]
}

/** Reads a resource. @throws ResourceNotFoundError if it doesn't exist, ProtocolError if it can't be read */
export async function readResource(uri: string, session: Session): Promise<ReadResourceResult> {
  if (uri === guideResource.uri) return { contents: [{ uri, mimeType: 'text/markdown', text: guide }] }
  const [, db, part] = OF_DATABASE.exec(uri) ?? []
  if (!db || !part) throw new ResourceNotFoundError(uri)
  const reply = await session.execute(operations[part as keyof typeof operations], { db })
  if (reply.code === 'database_not_found') throw new ResourceNotFoundError(uri)
  const text = JSON.stringify(parseData(reply))
  return { contents: [{ uri, mimeType: JSON_TYPE, text }] }
}

/** Returns the database slugs that start with this text, for completion. */
export async function completeDatabase(start: string, session: Session): Promise<string[]> {
  if (start === '') return databaseSlugs(session, { pageSize: 100 })
  return isSlug(start) ? databaseSlugs(session, { prefix: start, pageSize: 100 }) : []
}

/** Returns the slugs of the first databases that the caller has access to. */
async function databaseSlugs(session: Session, filter = {}): Promise<string[]> {
  const reply = await session.execute('list_databases', filter)
  return (parseData(reply) as Output<typeof api.list_databases>).map(({ slug }) => slug)
}

/**
 * Returns the data of a response. Outside of tools, a failure becomes a protocol error with the body of `/v1` as its
 * data.
 */
function parseData({ body, code }: Reply): unknown {
  const { success: _, data, ...error } = JSON.parse(body) as { success: boolean; data: unknown; error: string }
  if (code !== undefined) throw new ProtocolError(ProtocolErrorCode.InternalError, error.error, error)
  return data
}
