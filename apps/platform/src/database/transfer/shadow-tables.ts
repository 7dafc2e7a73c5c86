import { quoteName } from '../../sqlite/identifiers.ts'
import { getFullTextContent } from '../../sqlite/table-shape.ts'
import { parseIdentifier } from '../../sqlite/tokenizer.ts'
import { importFailed } from './import-errors.ts'
import type { ImportStepBuilder } from './import-steps.ts'
import { splitValues } from './row-literals.ts'

const PARTS = /_(data|idx|docsize|config|content|rowid|node|parent)$/i

/** The maximum number of r-tree rows whose extra columns are held until their coordinates arrive. */
const MAX_EXTRAS = 200_000

/** An r-tree whose rows are read from its nodes. */
interface Tree {
  readonly coordinates: number
  readonly isInteger: boolean
  /** The numbers of the nodes with rows. */
  readonly leaves: Set<string>
  /** The values besides the coordinates, by row number. */
  readonly extras: Map<string, string[]>
}

/**
 * Restores virtual tables from a dump. The sqlite3 shell dumps a virtual table as a row of the schema and its shadow
 * tables, which tenants can't write. So the virtual table is recreated, and its rows are read from the shadow tables.
 */
export class ShadowTables {
  readonly #steps: ImportStepBuilder
  readonly #trees = new Map<string, Tree>()
  readonly #texts = new Set<string>()

  constructor(steps: ImportStepBuilder) {
    this.#steps = steps
  }

  /** Returns whether a table, named as SQLite compares names, belongs to a virtual table. */
  has(table: string): boolean {
    if (this.#trees.size + this.#texts.size === 0 || !PARTS.test(table)) return false
    const owner = table.replace(PARTS, '')
    return this.#trees.has(owner) || this.#texts.has(owner)
  }

  /**
   * Reads a row of `sqlite_master`.
   * @throws PerSQLError `import_failed` unless it is a virtual table that can be restored
   */
  define(values: readonly string[], line: number): void {
    const sql = values[4]?.startsWith("'") ? values[4].slice(1, -1).replaceAll("''", "'") : ''
    if (!/^\s*CREATE\s+VIRTUAL\s+TABLE\b/i.test(sql)) {
      throw importFailed(line, 'Write schema changes as statements, not as writes to the schema table.')
    }
    const name = nameInLiteral(values[1] ?? '')
    const [, module = '', given = ''] = /\busing\s+(\w+)\s*\(([\s\S]*)\)/i.exec(sql) ?? []
    if (/^rtree(_i32)?$/i.test(module)) {
      const coordinates = given.split(',').filter((column) => !column.trim().startsWith('+')).length - 1
      this.#trees.set(name, { coordinates, isInteger: /i32/i.test(module), leaves: new Set(), extras: new Map() })
    } else if (/^fts5$/i.test(module)) this.#texts.add(name)
    else if (!/^fts5vocab$/i.test(module))
      throw importFailed(line, `Virtual tables with the module "${module}" can't be restored from a dump.`)
    const content = getFullTextContent(sql)
    if (content === '') {
      throw importFailed(line, `"${name}" is a full-text index that doesn't store its content, so it can't be rebuilt.`)
    }
    this.#steps.statements++
    this.#steps.step({ kind: 'sql', sql, line })
    if (content !== undefined) this.#steps.step({ kind: 'rebuild', table: name, line })
  }

  /** Reads a row of a table that `has` accepts. */
  row(table: string, row: string, line: number): void {
    const [part = ''] = /[a-z]+$/i.exec(table) ?? []
    const owner = table.replace(PARTS, '')
    const tree = this.#trees.get(owner)
    const values = splitValues(row)
    if (!tree && part === 'content') {
      this.#steps.rows++
      this.#steps.step({ kind: 'content', table: owner, row: `(${values.join(',')})`, line })
    } else if (tree && part === 'rowid') {
      const [id = '', node = '', ...extras] = values
      tree.leaves.add(node)
      if (tree.extras.size >= MAX_EXTRAS)
        throw importFailed(line, `"${owner}" has too many rows to be restored from a dump.`)
      if (extras.length > 0) tree.extras.set(id, extras)
    } else if (tree && part === 'node' && tree.leaves.has(values[0] ?? '')) {
      const into = `INSERT INTO ${quoteName(owner)} VALUES `
      for (const each of rowsOfNode(tree, values[1] ?? '')) this.#steps.row(into, each, line)
    }
  }
}

/** Yields the rows of a leaf: the number of cells is at byte 2, and each cell has a row number and coordinates. */
function* rowsOfNode({ coordinates, isInteger, extras }: Tree, literal: string): Generator<string> {
  const bytes = Uint8Array.fromHex(/^[xX]'((?:[0-9A-Fa-f]{2})*)'$/.exec(literal)?.[1] ?? '')
  const view = new DataView(bytes.buffer)
  const size = 8 + 4 * coordinates
  const cells = bytes.length < 4 ? 0 : Math.min(view.getUint16(2), Math.floor((bytes.length - 4) / size))
  for (let cell = 0; cell < cells; cell++) {
    const at = 4 + cell * size
    const id = String(view.getBigInt64(at))
    const numbers = Array.from({ length: coordinates }, (_, i) => {
      const number = isInteger ? view.getInt32(at + 8 + 4 * i) : view.getFloat32(at + 8 + 4 * i)
      return Number.isFinite(number) ? String(number) : number > 0 ? '9e999' : '-9e999'
    })
    yield `(${[id, ...numbers, ...(extras.get(id) ?? [])].join(',')})`
  }
}

const nameInLiteral = (literal: string) => parseIdentifier(literal, { kind: 'quoted', start: 0, end: literal.length })
