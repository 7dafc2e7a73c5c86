import { parseSync } from 'vite'
import type { Item } from './rules.ts'

interface Node {
  type: string
  start: number
  end: number
  [key: string]: unknown
}

interface Context {
  lineAt(offset: number): number
  items: Item[]
}

/** Attributes whose values a person never reads. */
const codeAttributes = new Set(['className', 'class', 'href', 'src', 'type', 'id', 'rel', 'd', 'style', 'viewBox'])

/** Lists the texts, comments and declared names of a TypeScript or JavaScript file. @throws when it does not parse */
export function readSource(path: string, source: string): Item[] {
  const { program, comments, errors } = parseSync(path, source)
  if (errors[0] !== undefined) throw new Error(`${path}: ${errors[0].message}`)
  const context: Context = { lineAt: lineCounter(source), items: [] }
  for (const { value, start } of comments) {
    add(context, { kind: 'comment', value: toProse(value.replace(/^\s*\*+ ?/gm, '')) }, start)
  }
  walk(program as unknown as Node, undefined, context)
  return context.items.sort((a, b) => a.line - b.line)
}

/** Removes code in backticks, link targets and Markdown's marks, and folds white space to one line. */
export function toProse(text: string): string {
  return text
    .replace(/`[^`\n]*`/g, '`…`')
    .replace(/\]\([^)\s]*\)/g, ']')
    .replace(/https?:\/\/\S+/g, '…')
    .replace(/^[\s>]*(?:#+|[-*+]|\d+\.)\s+/gm, '')
    .replace(/\*\*|__/g, '')
    .replace(/\s+/g, ' ')
    .trim()
}

function walk(node: Node, key: string | undefined, context: Context): void {
  switch (node.type) {
    case 'ImportDeclaration':
    case 'ExportAllDeclaration':
    case 'TSLiteralType':
      return
    case 'Literal':
      if (typeof node.value === 'string') addText(context, node.value, node, key)
      return
    case 'JSXText':
      addText(context, (node.value as string).replace(/\s+/g, ' '), node, undefined)
      return
    case 'CallExpression':
      if (isWordList(node.callee as Node)) return
      break
    case 'TemplateLiteral': {
      const quasis = node.quasis as { value: { cooked: string | null } }[]
      addText(context, quasis.map(({ value }) => value.cooked ?? '').join('…'), node, key)
      walkAll(node.expressions, undefined, context)
      return
    }
    case 'JSXAttribute': {
      const { name } = node.name as { name: unknown }
      if (typeof name === 'string' && !codeAttributes.has(name)) walkAll(node.value, name, context)
      else if ((node.value as Node | null)?.type === 'JSXExpressionContainer') walkAll(node.value, undefined, context)
      return
    }
    case 'Property':
    case 'PropertyDefinition':
    case 'MethodDefinition':
      addName(context, node.key as Node, node.computed === true)
      walkAll(node.value, readKey(node), context)
      return
    case 'ConditionalExpression':
    case 'LogicalExpression':
    case 'JSXExpressionContainer':
    case 'ParenthesizedExpression':
    case 'TSAsExpression':
      for (const child of listChildren(node)) walk(child, key, context)
      return
    case 'VariableDeclarator':
    case 'FunctionDeclaration':
    case 'ClassDeclaration':
    case 'TSInterfaceDeclaration':
    case 'TSTypeAliasDeclaration':
      if (node.id) addPattern(context, node.id as Node)
      break
    case 'TSPropertySignature':
    case 'TSMethodSignature':
      addName(context, node.key as Node, node.computed === true)
      break
  }
  if (Array.isArray(node.params)) for (const parameter of node.params as Node[]) addPattern(context, parameter)
  for (const child of listChildren(node)) walk(child, undefined, context)
}

function walkAll(value: unknown, key: string | undefined, context: Context): void {
  for (const child of Array.isArray(value) ? value : [value]) if (isNode(child)) walk(child, key, context)
}

/** Adds the names that a parameter or variable declares; those that destructuring takes over from elsewhere are not ours. */
function addPattern(context: Context, pattern: Node): void {
  if (pattern.type === 'Identifier') addName(context, pattern, false)
  else if (pattern.type === 'AssignmentPattern') addPattern(context, pattern.left as Node)
  else if (pattern.type === 'RestElement') addPattern(context, pattern.argument as Node)
  else if (pattern.type === 'ArrayPattern') {
    for (const element of pattern.elements as (Node | null)[]) if (element) addPattern(context, element)
  }
}

function addName(context: Context, key: Node, isComputed: boolean): void {
  if (isComputed || (key.type !== 'Identifier' && key.type !== 'PrivateIdentifier')) return
  add(context, { kind: 'identifier', value: key.name as string }, key.start)
}

const sql = /^\s*(?:--.*\s+)*(?:CREATE|SELECT|INSERT|REPLACE|UPDATE|DELETE|WITH|ALTER|DROP|PRAGMA|EXPLAIN|VALUES)\b/

/** Adds a text of two words or more that isn't SQL. Single words are mostly keys, routes and codes. */
function addText(context: Context, value: string, node: Node, key: string | undefined): void {
  if (sql.test(value) || !/[A-Za-z]{2}.* .*[A-Za-z]/s.test(value)) return
  add(context, { kind: 'text', value: value.replace(/`[^`\n]*`/g, '`…`').trim(), ...(key && { key }) }, node.start)
}

function add(context: Context, item: Omit<Item, 'line'>, offset: number): void {
  context.items.push({ ...item, line: context.lineAt(offset) })
}

/** Returns whether a callee splits a literal, as in `'a b c'.split(' ')`. Its words are data and form no sentence. */
function isWordList({ object, property }: Node): boolean {
  return isNode(object) && object.type === 'Literal' && isNode(property) && property.name === 'split'
}

function readKey(node: Node): string | undefined {
  const { type, name, value } = node.key as Node
  return type === 'Identifier' ? (name as string) : typeof value === 'string' ? value : undefined
}

function listChildren(node: Node): Node[] {
  return Object.values(node).flat().filter(isNode)
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && typeof (value as Node).type === 'string'
}

function lineCounter(source: string): (offset: number) => number {
  const starts = [0]
  for (let at = source.indexOf('\n'); at !== -1; at = source.indexOf('\n', at + 1)) starts.push(at + 1)
  return (offset) => {
    let low = 0
    let high = starts.length
    while (high - low > 1) {
      const middle = (low + high) >> 1
      if ((starts[middle] as number) <= offset) low = middle
      else high = middle
    }
    return low + 1
  }
}
