import { type Api, api, type EntryPoint, getEntryPoints, type Operation, type route } from '@persql/contract'
import { failureResponses, failureSchemas, isOfDatabase, listFailures } from './failures.ts'
import { type Json, Schemas } from './schemas.ts'

type Way = ReturnType<typeof route>

/** Returns the OpenAPI 3.1 document of the platform: every operation of the contract at each of its entry points. */
export function platformOpenApi(baseUrl: string): Json {
  described ??= describe()
  const { paths, tags, schemas } = described
  return {
    openapi: '3.1.0',
    info: {
      title: 'PerSQL',
      version: '1',
      description:
        'Isolated, metered SQLite databases over HTTP. Apps call `/v1` with a token; signed-in users call `/api`.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: baseUrl }],
    tags,
    paths,
    components: {
      schemas,
      parameters: replayParameters,
      headers: replayHeaders,
      securitySchemes: securitySchemes(baseUrl),
    },
  }
}

// Created on first use and cached: only the base URL differs between callers.
let described: ReturnType<typeof describe> | undefined

function describe(): { paths: Json; tags: readonly Json[]; schemas: Json } {
  const schemas = new Schemas()
  const paths: Record<string, Record<string, Json>> = {}
  const tags = new Set<string>()
  for (const [name, operation] of Object.entries(api) as [keyof Api, Operation][]) {
    getEntryPoints(operation).forEach(([door, way], i) => {
      const tag = getTag(way)
      tags.add(tag)
      const operationId = i === 0 ? name : `${name}_as_member`
      const item = { operationId, tags: [tag], ...describeDoor(operation, door, way, schemas) }
      paths[way.path] = { ...paths[way.path], [way.method.toLowerCase()]: item }
    })
  }
  return {
    paths,
    tags: [...tags].sort().map((name) => ({ name })),
    schemas: { ...schemas.shared, ...failureSchemas },
  }
}

function describeDoor(operation: Operation, door: EntryPoint, way: Way, schemas: Schemas): Json {
  const { fields, required } = listFields(operation, schemas)
  const replays = operation.errors?.includes('idempotency_mismatch') ?? false
  const inPath = way.params.map((name) => parameter('path', name, fields[name] ?? fieldSlug(schemas), true))
  const others = Object.keys(fields).filter((name) => !way.params.includes(name))
  const inQueryString = way.inQuery || operation.upload !== undefined
  const inQuery = inQueryString
    ? others.map((name) => parameter('query', name, fields[name] as Json, required.includes(name)))
    : []
  const parameters = [...inPath, ...inQuery, ...(replays ? replayReferences(way) : [])]
  return {
    summary: operation.summary,
    security: getSecurity(operation, door),
    ...(parameters.length > 0 && { parameters }),
    ...(operation.upload && { requestBody: fileBody(operation.upload) }),
    ...(!inQueryString && others.length > 0 && { requestBody: requestBody(others, fields, required) }),
    responses: {
      ...(operation.upgrade
        ? { 101: { description: 'Switching to the WebSocket protocol' } }
        : { [operation.status ?? 200]: success(operation, replays && isOfDatabase(way), schemas) }),
      ...failureResponses(listFailures(operation, door, way)),
    },
  }
}

/** Returns the fields of the input, whether they are sent in the path, the query string or the body. */
function listFields({ input }: Operation, schemas: Schemas) {
  const { properties = {}, required = [] } = schemas.ofInput(input)
  return { fields: properties as { readonly [name: string]: Json }, required: required as readonly string[] }
}

/** Members pass the namespace in the path, so it isn't a field of the input. */
const fieldSlug = (schemas: Schemas) => schemas.ofInput(api.get_database.input.shape.slug)

const parameter = (place: 'path' | 'query', name: string, schema: Json, required: boolean): Json => ({
  name,
  in: place,
  ...(required && { required }),
  schema,
})

function requestBody(names: readonly string[], fields: { readonly [name: string]: Json }, required: readonly string[]) {
  const needed = names.filter((name) => required.includes(name))
  const schema = {
    type: 'object',
    properties: Object.fromEntries(names.map((name) => [name, fields[name]])),
    ...(needed.length > 0 && { required: needed }),
    additionalProperties: false,
  }
  return { required: needed.length > 0, content: { 'application/json': { schema } } }
}

/** Returns the schema of a file body: the file itself, or the field `file` of a form. */
function fileBody(types: readonly string[]): Json {
  const file = { type: 'string', contentMediaType: 'application/octet-stream' }
  const form = { type: 'object', properties: { file }, required: ['file'] }
  return {
    required: true,
    content: {
      'multipart/form-data': { schema: form },
      ...Object.fromEntries(
        [...types, 'application/octet-stream'].map((type) => [type, { schema: { type: 'string' } }]),
      ),
    },
  }
}

function success({ output, meta, stream }: Operation, replays: boolean, schemas: Schemas): Json {
  if (stream) return { description: 'The exported file', content: { [stream]: { schema: { type: 'string' } } } }
  const schema = {
    type: 'object',
    properties: {
      success: { const: true },
      data: schemas.ofOutput(output),
      ...(meta && { meta: schemas.ofOutput(meta) }),
    },
    required: ['success', 'data', ...(meta ? ['meta'] : [])],
  }
  const headers = Object.keys(replayHeaders).map((name) => [name, { $ref: `#/components/headers/${name}` }])
  return {
    description: 'Success',
    ...(replays && { headers: Object.fromEntries(headers) }),
    content: { 'application/json': { schema } },
  }
}

/** Returns the tag of a call: the last noun of its path. */
function getTag({ path }: Way): string {
  const rest = path
    .replace(/^\/(v1|api)\//, '')
    .replace(/^namespaces\/\{ns\}\/(?=.)/, '')
    .replace(/^(db\/\{ns\}\/\{db\}|databases\/\{(db|slug)\})\/(?=.)/, '')
  const noun = /^\w+/.exec(rest)?.[0] ?? 'other'
  return verbs[noun] ?? noun
}

/** Tags for paths that end in a verb. */
const verbs: { readonly [verb: string]: string } = {
  query: 'sql',
  batch: 'sql',
  validate: 'sql',
  explain: 'sql',
  tables: 'schema',
  me: 'tokens',
  usage: 'billing',
}

function getSecurity({ scope }: Operation, door: EntryPoint): readonly Json[] {
  if (scope === 'anyone') return []
  if (door === 'session') return [{ session: [] }]
  return [scope === 'operator' ? { operator: [] } : { token: [] }]
}

function securitySchemes(baseUrl: string): Json {
  const cookie = 'better-auth.session_token'
  return {
    token: { type: 'http', scheme: 'bearer', description: 'A namespace token: `psql_live_…`' },
    session: {
      type: 'apiKey',
      in: 'cookie',
      name: baseUrl.startsWith('https:') ? `__Secure-${cookie}` : cookie,
      description:
        'Session cookie set by signing in under `/api/auth`. Requests that change data must have the same `Origin`, or none.',
    },
    operator: { type: 'http', scheme: 'bearer', description: 'The operator secret' },
  }
}

const key = { type: 'string', minLength: 1, maxLength: 200 }
const replayParameters = {
  'Idempotency-Key': {
    name: 'Idempotency-Key',
    in: 'header',
    description: 'Makes the request idempotent for 24 hours: repeats return the first response',
    schema: key,
  },
  'Plan-Key': {
    name: 'Plan-Key',
    in: 'header',
    description: 'Makes each step of a plan idempotent for 24 hours. Requires Plan-Step',
    schema: key,
  },
  'Plan-Step': { name: 'Plan-Step', in: 'header', description: 'Requires Plan-Key', schema: key },
}

const replayReferences = (way: Way) =>
  (isOfDatabase(way) ? Object.keys(replayParameters) : ['Idempotency-Key']).map((name) => ({
    $ref: `#/components/parameters/${name}`,
  }))

const replayed = { schema: { const: 'true' } }
const replayHeaders = {
  'Idempotency-Replayed': {
    description: 'The response is a replay of the first response for this Idempotency-Key',
    ...replayed,
  },
  'Plan-Replayed': { description: 'The response is a replay of the first response for this plan step', ...replayed },
}
