/** The type of resources that are data. */
export const JSON_TYPE = 'application/json'

/** The page for agents, which every namespace has. */
export const guideResource = {
  uri: 'persql://guide',
  name: 'guide',
  title: 'How to work with PerSQL',
  description: 'SQL, safety and limits for agents',
  mimeType: 'text/markdown',
} as const

/** The resources of every database, by its slug. */
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
    description: 'Purpose of the database and its tables',
    mimeType: JSON_TYPE,
  },
] as const
