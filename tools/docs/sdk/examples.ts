import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseSync } from 'vite'
import { root } from '../pages.ts'
import type { Node } from './declarations.ts'

const FOLDER = join(root, 'tools/docs/sdk')

/** Returns the examples by the names of their sections: the bodies of the functions in the files of examples. */
export function readExamples(): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  for (const file of ['client-examples.ts', 'database-examples.ts', 'resource-examples.ts']) {
    const code = readFileSync(join(FOLDER, file), 'utf8')
    for (const { key, value } of listProperties(parseSync(file, code).program.body as unknown as Node[])) {
      const { name, value: text } = key as { name?: string; value?: string }
      const { start, end } = value.body as Node
      const body = code.slice(start + 1, end - 1).replace(/^ {4}/gm, '')
      found.set(name ?? text ?? '', body.trim())
    }
  }
  return found
}

interface Property extends Node {
  readonly key: Node
  readonly value: Node
}

/** Lists the properties of the exported object, behind its `as const satisfies`. */
function listProperties(body: readonly Node[]): Property[] {
  const objects = body.flatMap((node) => {
    const { declarations } = (node.declaration ?? {}) as { declarations?: { init: Node }[] }
    return (declarations ?? []).map(({ init }) => unwrap(init))
  })
  return objects.flatMap(({ properties }) => properties as Property[])
}

const unwrap = (node: Node): Node => (node.expression ? unwrap(node.expression as Node) : node)
