import {
  ProtocolError,
  ProtocolErrorCode,
  type ReadResourceResult,
  type Resource,
  ResourceNotFoundError,
} from '@modelcontextprotocol/server'
import { type api, type Output, SLUG } from '@persql/contract'
import type { Reply } from '../reply.ts'
import { guide } from './guide.ts'
import type { Session } from './session.ts'

const GUIDE = 'persql://guide'
const OF_DATABASE = new RegExp(`^persql://(${SLUG})/(schema|docs)$`)
const JSON_TYPE = 'application/json'
const operations = { schema: 'get_schema', docs: 'get_docs' } as const

/** What can be read of any database, by its address. */
export const resourceTemplates = [
  {
    uriTemplate: 'persql://{database}/schema',
    name: 'schema',
    title: 'Schema',
    description: 'Tables with columns, indexes and foreign keys, views and triggers',
    mimeType: JSON_TYPE,
  },
  {
    uriTemplate: 'persql://{database}/docs',
    name: 'docs',
    title: 'Descriptions',
    description: 'What the database and its tables are for',
    mimeType: JSON_TYPE,
  },
] as const

/** The guide, and the schema and descriptions of each database of the namespace. */
export async function listResources(session: Session): Promise<Resource[]> {
  const slugs = await databaseSlugs(session)
  return [
    {
      uri: GUIDE,
      name: 'guide',
      title: 'How to work with PerSQL',
      description: 'SQL, safety and limits for agents',
      mimeType: 'text/markdown',
    },
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

/** @throws ResourceNotFoundError; ProtocolError for what keeps an existing one from being read */
export async function readResource(uri: string, session: Session): Promise<ReadResourceResult> {
  if (uri === GUIDE) return { contents: [{ uri, mimeType: 'text/markdown', text: guide }] }
  const [, db, part] = OF_DATABASE.exec(uri) ?? []
  if (!db || !part) throw new ResourceNotFoundError(uri)
  const reply = await session.execute(operations[part as keyof typeof operations], { db })
  if (reply.code === 'database_not_found') throw new ResourceNotFoundError(uri)
  const text = JSON.stringify(dataOf(reply))
  return { contents: [{ uri, mimeType: JSON_TYPE, text }] }
}

/** Names of databases that begin like this, for those who are typing one. */
export async function completeDatabase(start: string, session: Session): Promise<string[]> {
  const slugs = await databaseSlugs(session)
  return slugs.filter((slug) => slug.startsWith(start)).slice(0, 100)
}

/** Those that the caller may open. */
async function databaseSlugs(session: Session): Promise<string[]> {
  const reply = await session.execute('list_databases', {})
  return (dataOf(reply) as Output<typeof api.list_databases>).map(({ slug }) => slug)
}

/** A refusal of what is no tool is an error of the protocol, with the body of `/v1` as its data. */
function dataOf({ body, code }: Reply): unknown {
  const { success: _, data, ...error } = JSON.parse(body) as { success: boolean; data: unknown; error: string }
  if (code !== undefined) throw new ProtocolError(ProtocolErrorCode.InternalError, error.error, error)
  return data
}
