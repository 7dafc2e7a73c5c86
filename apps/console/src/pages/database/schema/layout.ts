import type { SchemaDescription } from '@persql/contract'

type Table = SchemaDescription['tables'][number]

const WIDTH = 224
const HEAD = 32
const ROW = 22
const GAP_X = 96
const GAP_Y = 32
const MOST_COLUMNS = 12
/** The minimum number of tables per row for tables without relations, which come below the others. */
const LONERS_BESIDE = 4

/** Width divided by height of the frame. */
const FRAME_ASPECT = 2.35
const LEAST_MOST_Y = 1200

/** A table in the diagram. */
export interface Box {
  table: Table
  x: number
  y: number
  width: number
  height: number
  columns: Table['columns']
  /** The number of columns that aren't shown. */
  omitted: number
}

/** A foreign key in the diagram, as an SVG path. */
export interface Line {
  id: string
  path: string
}

/** Computes the layout: referenced tables on the left, the tables that reference them to the right. */
export function layOut(tables: readonly Table[]): { boxes: Box[]; lines: Line[]; width: number; height: number } {
  const named = new Map(tables.map((table) => [table.table, table]))
  const listParents = ({ table, foreignKeys }: Table) =>
    foreignKeys.flatMap((key) => (key.table !== table && named.get(key.table)) || [])
  const related = new Set(tables.flatMap((table) => listParents(table).flatMap((parent) => [table, parent])))
  const depths = getDepths(tables, listParents)
  const boxes = new Map<string, Box>()
  const columnsY: number[] = []
  const place = (table: Table, column: number) => {
    const box = createBox(table, column * (WIDTH + GAP_X), columnsY[column] ?? 0)
    columnsY[column] = box.y + box.height + GAP_Y
    boxes.set(table.table, box)
  }
  const inOrder = tables.filter((table) => related.has(table))
  inOrder.sort((a, b) => (depths.get(a) ?? 0) - (depths.get(b) ?? 0))
  const mostY = getMaxY(tables)
  let column = 0
  for (const [index, table] of inOrder.entries()) {
    const before = inOrder[index - 1]
    const isDeeper = before !== undefined && depths.get(before) !== depths.get(table)
    if (isDeeper || (columnsY[column] ?? 0) >= mostY) column++
    place(table, column)
  }
  const loners = tables.filter((table) => !related.has(table))
  const below = Math.max(0, ...columnsY)
  const beside = Math.max(LONERS_BESIDE, Math.ceil(getHeight(loners) / mostY))
  for (let column = 0; column < beside; column++) columnsY[column] = below
  for (const [index, table] of loners.entries()) place(table, index % beside)
  const all = [...boxes.values()]
  return {
    boxes: all,
    lines: all.flatMap((box) => createLines(box, boxes)),
    width: Math.max(WIDTH, ...all.map(({ x, width }) => x + width)),
    height: Math.max(HEAD, ...all.map(({ y, height }) => y + height)),
  }
}

const getHeight = (tables: readonly Table[]) =>
  tables.reduce((sum, table) => sum + createBox(table, 0, 0).height + GAP_Y, 0)

/** Returns the height at which a column of tables breaks, so that the layout fits the shape of the frame. */
const getMaxY = (tables: readonly Table[]) =>
  Math.max(LEAST_MOST_Y, Math.sqrt((getHeight(tables) * (WIDTH + GAP_X)) / FRAME_ASPECT))

/** Returns the length of each table's longest chain of references. References back into the chain are ignored. */
function getDepths(tables: readonly Table[], listParents: (table: Table) => Table[]): Map<Table, number> {
  const depths = new Map<Table, number>()
  const under = new Set<Table>()
  const getDepth = (table: Table): number => {
    const known = depths.get(table)
    if (known !== undefined) return known
    under.add(table)
    const above = listParents(table).filter((parent) => !under.has(parent))
    const depth = above.length === 0 ? 0 : 1 + Math.max(...above.map(getDepth))
    under.delete(table)
    depths.set(table, depth)
    return depth
  }
  for (const table of tables) getDepth(table)
  return depths
}

function createBox(table: Table, x: number, y: number): Box {
  const columns = table.columns.slice(0, MOST_COLUMNS)
  const omitted = table.columns.length - columns.length
  const height = HEAD + (columns.length + (omitted > 0 ? 1 : 0)) * ROW + 8
  return { table, x, y, width: WIDTH, height, columns, omitted }
}

function createLines(from: Box, boxes: ReadonlyMap<string, Box>): Line[] {
  return from.table.foreignKeys.flatMap(({ table, columns, to }, index) => {
    const target = boxes.get(table)
    if (!target) return []
    const startY = from.y + rowY(from, columns[0])
    const endY = target.y + rowY(target, to[0] ?? target.table.columns.find((one) => one.primaryKey > 0)?.name)
    const isSame = target === from
    const startX = isSame ? from.x + from.width : from.x
    const endX = target.x + target.width
    const bend = GAP_X / 2
    const path = `M ${startX} ${startY} C ${isSame ? startX + bend : startX - bend} ${startY} ${endX + bend} ${endY} ${endX} ${endY}`
    return [{ id: `${from.table.table} ${index}`, path }]
  })
}

function rowY({ columns }: Box, name: string | undefined): number {
  const index = columns.findIndex((column) => column.name === name)
  return HEAD + Math.max(index, 0) * ROW + ROW / 2 + 2
}
