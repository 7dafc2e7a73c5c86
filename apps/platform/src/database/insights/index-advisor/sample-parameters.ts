import { lower, quoteName } from '../../../sqlite/identifiers.ts'
import { canBelongTo, type Slot, type Usage } from './column-usage.ts'

/** A value of a parameter. */
export type Value = string | number | ArrayBuffer | null

interface CopiedTable {
  readonly name: string
  readonly columns: readonly string[]
}

/** Runs SQL on the copy, with integers bound as integers. */
type Run = (sql: string, ...params: Value[]) => Value[][]

const SAMPLES = 5
/** Assumed share of a table's rows between two bounds: the real share is unknown. */
const BETWEEN_SHARE = 1 / 20
const LIMIT = 10

/**
 * Sets of sample parameters for a statement, read from the rows of the copy because the log doesn't contain the
 * original values. All values of a set that belong to one table come from one row, so they occur together.
 */
export class Samples {
  readonly #run: Run
  readonly #rows = new Map<string, Value[][]>()
  readonly #counts = new Map<string, number>()

  constructor(run: Run) {
    this.#run = run
  }

  /** Returns sets of parameters. @param fallback the column, with its table, for parameters without a known column */
  of(usage: Usage, tables: readonly CopiedTable[], fallback?: { table: string; column: string }): Value[][] {
    const width = Math.max(0, ...usage.slots.map(({ number }) => number))
    if (width === 0) return [[]]
    const sets = Array.from({ length: SAMPLES }, (_, i) => this.#set(usage, tables, width, i, fallback))
    return [...new Map(sets.map((set) => [JSON.stringify(set, hex), set])).values()]
  }

  #set(
    usage: Usage,
    tables: readonly CopiedTable[],
    width: number,
    sample: number,
    fallback: { table: string; column: string } | undefined,
  ): Value[] {
    const params: Value[] = Array(width).fill(null)
    const names = new Set(tables.map(({ name }) => lower(name)))
    const bounds = new Map<string, Slot['use']>()
    const used = new Map<string, number>()
    for (const slot of usage.slots) {
      if (slot.use === 'limit') {
        params[slot.number - 1] = LIMIT
        continue
      }
      const found = slot.column && find(slot.column, usage, tables, names)
      const place =
        found ??
        (fallback &&
          find(
            { column: lower(fallback.column), qualifier: undefined },
            usage,
            tables.filter(({ name }) => name === fallback.table),
            names,
          ))
      if (!place) continue
      const key = JSON.stringify([place.table.name, place.column])
      const other = bounds.get(key)
      const opposite = (other === 'lower' && slot.use === 'upper') || (other === 'upper' && slot.use === 'lower')
      // The parameters of `IN (?, ?)` need different values, and the two bounds of a range belong together.
      const again = opposite ? 0 : (used.get(key) ?? 0)
      const value = this.#value(place, sample + again)
      params[slot.number - 1] = opposite && slot.use === 'upper' ? this.#above(place, value) : value
      if (opposite && slot.use === 'lower') {
        const upper = usage.slots.find((one) => one.use === 'upper' && sameColumn(one, slot))
        if (upper) params[upper.number - 1] = this.#above(place, value)
      }
      bounds.set(key, slot.use)
      used.set(key, again + 1)
    }
    return params
  }

  #value({ table, column }: Place, sample: number): Value {
    const rows = this.#sampled(table)
    const at = table.columns.indexOf(column)
    const values = rows.map((row) => row[at] ?? null)
    // NULL equals nothing, so take the value of another row.
    return values[sample % (values.length || 1)] ?? values.find((value) => value !== null) ?? null
  }

  #above({ table, column }: Place, value: Value): Value {
    const [name, from] = [quoteName(column), quoteName(table.name)]
    const rows = Math.max(1, Math.floor((this.#counts.get(table.name) ?? 0) * BETWEEN_SHARE))
    const sql = `SELECT max(c) FROM (SELECT ${exact(name)} AS c FROM ${from} WHERE ${name} >= ? ORDER BY ${name} LIMIT ${rows})`
    return this.#run(sql, value)[0]?.[0] ?? value
  }

  /** Returns one row per sample, spread evenly over the table. */
  #sampled({ name, columns }: CopiedTable): Value[][] {
    let rows = this.#rows.get(name)
    if (rows) return rows
    const from = quoteName(name)
    const count = this.#run(`SELECT count(*) FROM ${from}`)[0]?.[0] as number
    const values = columns.map((column) => exact(quoteName(column)))
    rows = Array.from({ length: Math.min(SAMPLES, count) }, (_, i) =>
      Math.floor((count * (2 * i + 1)) / (2 * SAMPLES)),
    ).flatMap((offset) => this.#run(`SELECT ${values} FROM ${from} LIMIT 1 OFFSET ${offset}`))
    this.#counts.set(name, count)
    this.#rows.set(name, rows)
    return rows
  }
}

interface Place {
  readonly table: CopiedTable
  readonly column: string
}

function find(
  name: { column: string; qualifier: string | undefined },
  usage: Usage,
  tables: readonly CopiedTable[],
  names: ReadonlySet<string>,
): Place | undefined {
  for (const table of tables) {
    const column = canBelongTo(name, table, usage, names)
    if (column) return { table, column }
  }
  return undefined
}

/** Selects integers beyond 2^53 as text, because callers must send them as text. */
const exact = (name: string) =>
  `iif(typeof(${name}) = 'integer' AND ${name} NOT BETWEEN -9007199254740991 AND 9007199254740991, CAST(${name} AS TEXT), ${name})`

/** `JSON.stringify` can't encode bytes. */
const hex = (_key: string, value: unknown) => (value instanceof ArrayBuffer ? new Uint8Array(value).toHex() : value)

const sameColumn = (a: Slot, b: Slot) =>
  a.column?.column === b.column?.column && a.column?.qualifier === b.column?.qualifier
