import {
  type ApiDocument,
  bodyCodes,
  findCommonCodes,
  formatErrors,
  type Operation,
  readCodes,
} from '../api-operations.ts'
import { findApiPage } from '../api-pages.ts'
import { toAnchor } from '../pages.ts'
import { formatTable } from '../table.ts'
import { type Declaration, type Member, readExports } from './declarations.ts'
import { formatDoc, isDeprecated } from './doc.ts'
import { readExamples } from './examples.ts'
import { type SdkPage, sdkPages } from './page-plan.ts'
import { type Call, readCalls } from './routes.ts'

const NOTE =
  'This page is generated from the sources of `@persql/sdk`, and a test runs its examples. `persql` is a client, and ' +
  "`db` is `persql.database('acme/main')`. The sections list errors besides those of [every call](../sdk.md#errors)."

/**
 * Returns the pages of the SDK's reference by their file names.
 *
 * @throws Error for a method or class without a description or an example, and for an example without a method
 */
export async function formatSdkPages(document: ApiDocument): Promise<ReadonlyMap<string, string>> {
  const declarations = [...(await readExports('index.ts')), ...(await readExports('webhooks.ts'))]
  const reference = new Reference(document, declarations)
  const pages = Object.entries(sdkPages).map(([file, page]) => [file, reference.formatPage(file, page)] as const)
  reference.assertComplete()
  return new Map(pages)
}

class Reference {
  readonly #document: ApiDocument
  readonly #commonCodes: ReadonlySet<string>
  readonly #operations: ReadonlyMap<string, Operation>
  readonly #declarations: ReadonlyMap<string, Declaration>
  readonly #calls = readCalls()
  readonly #examples = new Map(readExamples())

  constructor(document: ApiDocument, declarations: readonly Declaration[]) {
    this.#document = document
    this.#commonCodes = new Set([...findCommonCodes(document), ...bodyCodes])
    this.#declarations = new Map(declarations.map((each) => [each.name, each]))
    this.#operations = new Map(
      Object.entries(document.paths).flatMap(([path, item]) =>
        Object.entries(item).map(
          ([method, operation]) => [`${method.toUpperCase()} ${path.replace(/\{\w+\}/g, '*')}`, operation] as const,
        ),
      ),
    )
  }

  assertComplete(): void {
    const needless = [...this.#examples.keys()]
    if (needless.length > 0)
      throw new Error(`The SDK doesn't have what these examples are for: ${needless.join(', ')}.`)
  }

  formatPage(file: string, page: SdkPage): string {
    const sections = this.#listShown(file, page).map((each) =>
      toHandle(each) === undefined ? this.#formatDeclaration(each, file) : this.#formatHandle(each, file),
    )
    const former = file === 'types' ? [this.#formatFormerNames()] : []
    return `${[`# ${page.title}`, page.intro, NOTE, ...sections, ...former].join('\n\n')}\n`
  }

  /** Returns the declarations on a page. */
  #listShown(file: string, { names }: SdkPage): Declaration[] {
    if (file !== 'types') return names.map((name) => this.#get(name))
    return [...this.#declarations.values()]
      .filter(({ name, doc }) => findPage(name) === 'types' && !isDeprecated(doc))
      .sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  #get(name: string): Declaration {
    const found = this.#declarations.get(name)
    if (!found) throw new Error(`The SDK doesn't export "${name}".`)
    return found
  }

  /** Formats a declaration whose members are called: a section for each method. */
  #formatHandle(declaration: Declaration, file: string): string {
    const { name, doc, members } = declaration
    const properties = members.filter(({ kind }) => kind === 'property')
    // Only the client is created by callers.
    const sections = members.filter(({ kind }) => kind === 'method' || (kind === 'constructor' && name === 'PerSQL'))
    return join(
      `## ${name}`,
      formatDoc(doc, name),
      properties.length > 0 && this.#formatProperties(properties, name, file),
      ...sections.map((member) => this.#formatMember(declaration, member, file)),
    )
  }

  #formatProperties(properties: readonly Member[], owner: string, file: string): string {
    const rows = properties.map(({ name, doc, signatures }) => {
      const type = signatures.join().replace(/^.*?: /, '')
      return [`\`${name}\``, this.#linkTypes(type, file) || `\`${type}\``, formatDoc(doc, `${owner}.${name}`)]
    })
    return formatTable([['Property', 'Type', 'Content'], ...rows])
  }

  #formatMember(declaration: Declaration, member: Member, file: string): string {
    const isConstructor = member.kind === 'constructor'
    const handle = member.isStatic ? declaration.name : toHandle(declaration)
    const title = isConstructor ? `new ${declaration.name}` : `${handle}.${member.name}`
    const code = member.signatures.join('\n').replace(/^constructor/, title)
    const owner = declaration.kind === 'class' ? declaration.name : handle?.split('.')[1]
    const calls = this.#calls.get(`${owner}.${member.name}`) ?? []
    return join(
      `### ${title}`,
      formatDoc(isConstructor ? 'Creates a client.' : member.doc, title),
      formatCode(code),
      this.#formatTypes(code, file),
      formatCode(this.#takeExample(title)),
      ...calls.map((call) => this.#formatOperation(call)),
    )
  }

  #formatDeclaration({ name, kind, isExported, doc, text }: Declaration, file: string): string {
    // Callers neither create errors nor set their names.
    const code = text.replace(/\n {2}(constructor\(|override name)[^\n]*/g, '')
    return join(
      `## ${name}`,
      formatDoc(doc, name),
      !isExported && 'The package has no export of this name.',
      formatCode(code),
      this.#formatTypes(code.slice(code.indexOf(name) + name.length), file),
      kind !== 'type' && formatCode(this.#takeExample(name)),
    )
  }

  #takeExample(title: string): string {
    const example = this.#examples.get(title)
    if (!example) throw new Error(`"${title}" has no example. Add one in tools/docs/sdk.`)
    this.#examples.delete(title)
    return example
  }

  /** Returns a line with links to the types in a signature. */
  #formatTypes(code: string, file: string): string {
    const links = this.#linkTypes(code, file)
    return links && `Types: ${links}.`
  }

  #linkTypes(code: string, file: string): string {
    const names = code.replace(/\/\*[\s\S]*?\*\/|'[^'\n]*'/g, '').match(/\b[A-Z]\w+/g) ?? []
    const known = [...new Set(names)].filter((name) => this.#declarations.has(name))
    const toTarget = (name: string) => `${findPage(name) === file ? '' : `${findPage(name)}.md`}#${toAnchor(name)}`
    return known.map((name) => `[\`${name}\`](${toTarget(name)})`).join(', ')
  }

  /** Links the operation of a call, and lists its errors. */
  #formatOperation([method, path]: Call): string {
    const routes = [`${method} /v1/db/*/*/${path}`, `${method} /v1/${path}`]
    const operation = routes.map((route) => this.#operations.get(route)).find((found) => found !== undefined)
    if (!operation) throw new Error(`No operation has the route ${method} ${path}.`)
    const link = `[${operation.summary}](../api/${findApiPage(operation)}.md#${toAnchor(operation.summary)})`
    return `Operation: ${link}. ${formatErrors(readCodes(this.#document, operation), this.#commonCodes)}`.trim()
  }

  #formatFormerNames(): string {
    const former = [...this.#declarations.values()].filter(({ doc }) => isDeprecated(doc))
    const rows = former.map(({ name, text }) => [
      `\`${name}\``,
      this.#linkTypes(text.slice(text.indexOf('=')), 'types'),
    ])
    return join(
      '## Former names',
      'These names of earlier versions stay until the next major version.',
      formatTable([['Former name', 'Name'], ...rows]),
    )
  }
}

/** Returns the expression in examples whose members a declaration has, such as `db.branches`. */
function toHandle({ name, doc }: Declaration): string | undefined {
  if (name === 'PerSQL') return 'persql'
  return name === 'PerSQLDatabase' ? 'db' : /^`((?:db|persql)\.\w+)`:/.exec(doc)?.[1]
}

const findPage = (name: string): string =>
  Object.entries(sdkPages).find(([, { names }]) => names.includes(name))?.[0] ?? 'types'

const formatCode = (code: string) => `\`\`\`ts\n${code}\n\`\`\``

const join = (...parts: readonly (string | false)[]) => parts.filter(Boolean).join('\n\n')
