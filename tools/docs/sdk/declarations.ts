import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { isolatedDeclaration } from 'rolldown/experimental'
import { parseSync } from 'vite'
import { root } from '../pages.ts'

/** A node of a parsed module. */
export interface Node {
  readonly type: string
  readonly start: number
  readonly end: number
  readonly [key: string]: unknown
}

/** A public member of a class or an interface, with one signature for each overload. */
export interface Member {
  readonly name: string
  readonly kind: 'constructor' | 'method' | 'property'
  readonly isStatic: boolean
  readonly doc: string
  readonly signatures: readonly string[]
}

/** An exported declaration of a module, as the published package declares it. */
export interface Declaration {
  readonly name: string
  readonly kind: 'class' | 'function' | 'type'
  readonly isExported: boolean
  readonly doc: string
  /** The declaration in TypeScript, with the comments of its members. */
  readonly text: string
  readonly members: readonly Member[]
}

/**
 * Lists what a module of the SDK exports, also from other modules, in the order of the exports. The types that a module
 * declares for its exports only are listed too, with `isExported: false`.
 */
export async function readExports(module: string): Promise<Declaration[]> {
  const path = join(root, 'packages/sdk/src', module)
  const { code } = await isolatedDeclaration(path, readFileSync(path, 'utf8'), {})
  const file = new DeclarationFile(`${path.replace(/\.ts$/, '')}.d.ts`, code)
  const found: Declaration[] = []
  for (const node of file.body) {
    if (node.type === 'ExportAllDeclaration') found.push(...(await readExports(toModule(module, node))))
    if (kinds[node.type]) found.push(file.read(node, node, false))
    if (node.type !== 'ExportNamedDeclaration') continue
    if (node.declaration) found.push(file.read(node, node.declaration as Node, true))
    else if (node.source) {
      const names = (node.specifiers as Node[]).map(({ exported }) => (exported as { name: string }).name)
      const others = await readExports(toModule(module, node))
      found.push(...others.filter(({ name, isExported }) => !isExported || names.includes(name)))
    }
  }
  return merge(found)
}

const toModule = (module: string, { source }: Node) => join(dirname(module), (source as { value: string }).value)

/** Joins the overloads of functions. */
function merge(declarations: readonly Declaration[]): Declaration[] {
  const byName = new Map<string, Declaration>()
  for (const each of declarations) {
    const known = byName.get(each.name)
    byName.set(each.name, known ? { ...known, text: `${known.text}\n${each.text}` } : each)
  }
  return [...byName.values()]
}

const kinds: { readonly [type: string]: Declaration['kind'] } = {
  ClassDeclaration: 'class',
  TSDeclareFunction: 'function',
  TSInterfaceDeclaration: 'type',
  TSTypeAliasDeclaration: 'type',
}

class DeclarationFile {
  readonly #code: string
  readonly #comments: readonly { readonly start: number; readonly end: number; readonly value: string }[]
  readonly body: readonly Node[]

  constructor(path: string, code: string) {
    const { program, comments, errors } = parseSync(path, code)
    if (errors[0]) throw new Error(`${path}: ${errors[0].message}`)
    this.#code = code
    this.#comments = comments
    this.body = program.body as unknown as Node[]
  }

  /** @throws Error for a kind of declaration that the reference can't show */
  read(statement: Node, node: Node, isExported: boolean): Declaration {
    const { name } = node.id as { name: string }
    const kind = kinds[node.type]
    if (!kind) throw new Error(`The reference of the SDK can't show ${name}: ${node.type}.`)
    const own = (node.body as Node | undefined)?.body
    const members = kind !== 'function' && Array.isArray(own) ? this.#readMembers(own) : []
    const text = kind === 'function' ? this.#formatSignature(node) : tidy(this.#code.slice(node.start, node.end))
    return { name, kind, isExported, doc: this.#readDoc(statement), text: text.replace(/^declare /, ''), members }
  }

  #readMembers(nodes: readonly Node[]): Member[] {
    const members = new Map<string, Member>()
    for (const node of nodes) {
      const { name } = (node.key ?? {}) as { name?: string }
      // Private members have no key that callers could use.
      if (name === undefined || (node.key as Node).type === 'PrivateIdentifier') continue
      const isMethod = /Method/.test(node.type) && node.kind !== 'get'
      const kind = name === 'constructor' ? name : isMethod ? 'method' : 'property'
      const signature = this.#formatSignature(node)
      const known = members.get(name)
      members.set(name, {
        name,
        kind,
        isStatic: node.static === true,
        doc: known?.doc || this.#readDoc(node),
        signatures: [...(known?.signatures ?? []), signature],
      })
    }
    return [...members.values()]
  }

  /** Returns a signature, with one line for each parameter if it is long. */
  #formatSignature(node: Node): string {
    const text = tidy(this.#code.slice(node.start, node.end))
      .replace(/;$/, '')
      .replace(/^(static|override) /, '')
    const params = ((node.value as Node | undefined)?.params ?? node.params) as readonly Node[] | undefined
    if (!params?.length || (text.length <= 100 && !text.includes('\n'))) return text
    const [first, last] = [params[0] as Node, params.at(-1) as Node]
    const head = tidy(this.#code.slice(node.start, first.start)).replace(/^(static|override) /, '')
    const tail = tidy(this.#code.slice(last.end, node.end)).replace(/;$/, '')
    const lines = params.map(({ start, end }) => `  ${tidy(this.#code.slice(start, end)).replaceAll('\n', '\n  ')},\n`)
    return `${head}\n${lines.join('')}${tail}`
  }

  /** Returns the comment in front of a node, without its stars. */
  #readDoc({ start }: Node): string {
    const comment = this.#comments.find(({ end }) => end < start && this.#code.slice(end, start).trim() === '')
    return (comment?.value ?? '').replace(/^[ \t]*\*+ ?/gm, '').trim()
  }
}

/** Returns code of a declaration file in the style of this repository. */
function tidy(code: string): string {
  const depth = /\n(\t*)\S[^\n]*$/.exec(code)?.[1]?.length ?? 0
  return code
    .replace(new RegExp(`^\\t{${depth}}`, 'gm'), '')
    .replaceAll('\t', '  ')
    .replace(/^( *)\*/gm, '$1 *')
    .split(/(\/\*[\s\S]*?\*\/)/)
    .map((part, at) => (at % 2 === 0 ? part.replace(/"([^"'\n]*)"/g, "'$1'").replace(/;$/gm, '') : part))
    .join('')
    .replace(/\{\n\}/g, '{}')
    .replace(/^( *)(\w+\??:) ('[^\n]{80,})$/gm, (_line, indent, name, union) =>
      [indent + name, ...union.split(' | ').map((member: string) => `${indent}  | ${member}`)].join('\n'),
    )
}
