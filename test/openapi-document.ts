import { Validator } from '@seriousme/openapi-schema-validator'
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'

// biome-ignore lint/suspicious/noExplicitAny: a document can have any shape before it is validated
export type Document = any

interface Operation {
  path: string
  method: string
  operationId: string
  // biome-ignore lint/suspicious/noExplicitAny: as above
  operation: any
}

/** Returns all operations of a document. */
export function listOperations(document: Document): Operation[] {
  return Object.entries<Record<string, Document>>(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({
      path,
      method,
      operationId: operation.operationId,
      operation,
    })),
  )
}

/**
 * Returns the problems of a document: by the OpenAPI 3.1 schema, by the JSON Schema meta-schema for each schema in it
 * (which OpenAPI's leaves open), and by rules that no schema expresses.
 */
export async function findProblems(document: Document): Promise<string[]> {
  const { valid, errors } = await validator.validate(structuredClone(document))
  const operations = listOperations(document)
  return [
    ...(valid ? [] : [`validator: ${JSON.stringify(errors)}`]),
    ...listSchemas(document).flatMap((schema) => problemsOfSchema(schema)),
    ...repeated(operations.map(({ operationId }) => operationId)).map((id) => `operationId twice: ${id}`),
    ...repeated(Object.keys(document.paths).map((path) => path.replace(/\{\w+\}/g, '{}'))).map(
      (path) => `path twice: ${path}`,
    ),
    ...operations.flatMap(({ path, operation }) => {
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
      const described = (operation.parameters ?? []).filter((p: Document) => p.in === 'path')
      const names = described.map((p: Document) => p.name)
      return inPath.join() === names.join() ? [] : [`parameters of ${path}: ${names.join()}`]
    }),
    ...references(document).flatMap((ref) => (resolve(document, ref) === undefined ? [`nothing at ${ref}`] : [])),
  ]
}

/** Checks values against the schemas inside a document. */
export class DocumentSchemas {
  readonly #ajv: Ajv2020
  readonly #document: Document

  constructor(document: Document) {
    this.#document = structuredClone(document)
    closeObjects(this.#document.components.schemas)
    closeObjects(this.#document.paths)
    this.#ajv = newAjv()
    this.#ajv.addSchema(this.#document, 'openapi.json')
  }

  /** Returns the deviations of a response from its documentation, including undocumented fields. */
  problemsOfResponse(path: string, method: string, { status, body }: { status: number; body: unknown }): string[] {
    const at = ['paths', path, method, 'responses', String(status), 'content', 'application/json', 'schema']
    const pointer = `#/${at.map((part) => part.replaceAll('~', '~0').replaceAll('/', '~1')).join('/')}`
    if (resolve(this.#document, pointer) === undefined) return [`${method} ${path} documents no ${status}`]
    const validate = this.#ajv.compile({ $ref: `openapi.json${encodeURI(pointer)}` })
    return validate(body) ? [] : (validate.errors ?? []).map((error) => JSON.stringify(error))
  }
}

function newAjv(): Ajv2020 {
  const ajv = new Ajv2020({ strict: false, allErrors: true })
  addFormats.default(ajv)
  return ajv
}

const validator = new Validator()
const metaSchema = newAjv()

/** Documents leave responses open for new fields; tests report undocumented ones. */
function closeObjects(node: Document): void {
  if (typeof node !== 'object' || node === null) return
  const isShape = node.type === 'object' && node.properties && node.additionalProperties === undefined
  // Errors extend the shared error schema, so it stays open.
  if (isShape && !('x402Version' in node.properties) && !('error' in node.properties && 'code' in node.properties)) {
    node.additionalProperties = false
  }
  for (const child of Object.values(node)) closeObjects(child)
}

/** Returns all schemas of a document: those under `schema` and in the components. */
function listSchemas(document: Document): Document[] {
  const found: Document[] = Object.values(document.components?.schemas ?? {})
  const walk = (node: Document) => {
    if (typeof node !== 'object' || node === null) return
    for (const [key, child] of Object.entries(node)) {
      if (key === 'schema') found.push(child)
      else walk(child)
    }
  }
  walk(document.paths)
  walk(document.components?.parameters)
  walk(document.components?.headers)
  return found
}

function problemsOfSchema(schema: Document): string[] {
  return metaSchema.validateSchema(schema) ? [] : [`schema: ${metaSchema.errorsText()} in ${JSON.stringify(schema)}`]
}

function references(node: Document): string[] {
  if (typeof node !== 'object' || node === null) return []
  return Object.entries(node).flatMap(([key, child]) =>
    key === '$ref' && typeof child === 'string' ? [child] : references(child),
  )
}

function resolve(document: Document, ref: string): unknown {
  if (!ref.startsWith('#/')) return undefined
  const parts = ref
    .slice(2)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
  return parts.reduce((node, part) => (Object.hasOwn(Object(node), part) ? node[part] : undefined), document)
}

const repeated = (values: string[]) => values.filter((value, i) => values.indexOf(value) !== i)
