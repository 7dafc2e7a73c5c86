import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { findFiles } from '../docs/pages.ts'
import { type App, apps } from './layers.ts'

interface Import {
  readonly from: string
  readonly to: string
  readonly isType: boolean
}

const IMPORT = /^(?:import|export)\s+(type\s)?([^;'"]*?)\s*from\s+'(\.[^']+)'|\bimport\(\s*'(\.[^']+)'/gm

/** Lists the imports of a source text between files of an app, by paths from its root. */
function listImports(text: string, from: string): Import[] {
  return [...text.matchAll(IMPORT)].map(([, type, names = '', path, loaded]) => ({
    from,
    to: join(dirname(from), path ?? loaded ?? ''),
    isType: type !== undefined || (/^\{.*\}$/s.test(names) && areTypes(names.slice(1, -1))),
  }))
}

const areTypes = (names: string): boolean =>
  names
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
    .every((name) => name.startsWith('type '))

/** Returns why an import is against the direction, or `undefined`. */
function findProblem({ layers, sideways, describes }: App, { from, to, isType }: Import): string | undefined {
  const [source, target] = [from.split('/')[0] as string, to.split('/')[0] as string]
  if (source === target || (isType && describes.includes(from))) return undefined
  const rest = layers.findIndex((names) => names.length === 0)
  const getLevel = (name: string) => {
    const level = layers.findIndex((names) => names.includes(name))
    return level < 0 ? rest : level
  }
  const [above, below] = [getLevel(source), getLevel(target)]
  if (above < below) return undefined
  if (above === below && (isType || above === rest || sideways.includes(`${source} -> ${target}`))) return undefined
  return `${from} -> ${to}`
}

/** Lists the files of an app that import each other in a circle, types included. */
function findCycles(imports: readonly Import[]): string[] {
  const targets = new Map<string, Import[]>()
  for (const one of imports) targets.set(one.from, [...(targets.get(one.from) ?? []), one])
  const done = new Set<string>()
  const cycles: string[] = []
  const visit = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) cycles.push([...path.slice(path.indexOf(file)), file].join(' -> '))
    if (path.includes(file) || done.has(file)) return
    for (const { to } of targets.get(file) ?? []) visit(to, [...path, file])
    done.add(file)
  }
  for (const file of targets.keys()) visit(file, [])
  return cycles
}

test.each(apps)('imports of $root point downwards, without cycles', (app) => {
  const files = findFiles(app.root, /(?<!\.test)\.tsx?$/)
  const imports = files.flatMap((file) => listImports(readFileSync(file, 'utf8'), file.slice(app.root.length)))
  expect(imports.length).toBeGreaterThan(500)
  expect(imports.map((one) => findProblem(app, one)).filter(Boolean)).toEqual([])
  expect(findCycles(imports)).toEqual([])
})

const [platform] = apps as [App]
test.each([
  ['http/rest/rest.ts', "import { execute } from '../../api/execute.ts'", true],
  ['api/execute.ts', "import type { Answer } from '../http/rest/rest.ts'", false],
  ['database/object.ts', "import {\n  type Env,\n  envOf,\n} from '../env.ts'", true],
  ['namespace/object.ts', "import { meter } from '../database/metering/meter.ts'", false],
  ['namespace/object.ts', "import { type Meter, type Lease } from '../database/metering/meter.ts'", true],
  ['namespace/object.ts', "import { Meter, type Lease } from '../database/metering/meter.ts'", false],
  ['sqlite/tokenizer.ts', "export { nowMs } from '../clock.ts'", false],
  ['mcp/route.ts', "const later = import('../oauth/routes.ts')", false],
  ['env.ts', "import type { Model } from './integrations/model.ts'", true],
  ['env.ts', "import { Model } from './integrations/model.ts'", false],
])('%s: %s', (from, text, isAllowed) => {
  const problems = listImports(text, from).map((one) => findProblem(platform, one))
  expect(problems).toHaveLength(1)
  expect(problems[0] === undefined).toBe(isAllowed)
})

test('a cycle of files is found', () => {
  const edge = (from: string, to: string) => ({ from, to, isType: true })
  expect(findCycles([edge('a', 'b'), edge('b', 'c'), edge('c', 'b')])).toEqual(['b -> c -> b'])
  expect(findCycles([edge('a', 'b'), edge('a', 'c'), edge('b', 'c')])).toEqual([])
})
