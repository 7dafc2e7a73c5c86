import type { Model, Table } from '../model.ts'

/** The style of a name; `undefined` for a single word. */
export type Style = 'snake_case' | 'camelCase' | undefined

type Counts = Record<NonNullable<Style>, number>

/** Number of tables per style of their name, and per style of their columns. */
export interface Styles {
  readonly tables: Counts
  readonly columns: Counts
}

/** Returns the style of a name. */
export const getStyle = (name: string): Style =>
  /[a-z0-9]_[a-z0-9]/i.test(name) ? 'snake_case' : /[a-z0-9][A-Z]/.test(name) ? 'camelCase' : undefined

/** Returns the column names in the rarer style and in the more frequent one. */
export function namesByStyle({ columns }: Table): [rarer: string[], other: string[]] {
  const names = columns.map(({ name }) => name)
  const snake = names.filter((name) => getStyle(name) === 'snake_case')
  const camel = names.filter((name) => getStyle(name) === 'camelCase')
  return snake.length < camel.length ? [snake, camel] : [camel, snake]
}

/** Returns the style that all columns of a table share. */
export function columnStyle(table: Table): Style {
  const [rarer, [first]] = namesByStyle(table)
  return rarer.length > 0 || first === undefined ? undefined : getStyle(first)
}

/** Counts the styles of a schema. */
export const countSchemaStyles = ({ tables }: Model): Styles => ({
  tables: countStyles(tables.map(({ name }) => getStyle(name))),
  columns: countStyles(tables.map(columnStyle)),
})

const countStyles = (styles: readonly Style[]): Counts => ({
  snake_case: styles.filter((style) => style === 'snake_case').length,
  camelCase: styles.filter((style) => style === 'camelCase').length,
})

/** Returns whether a style is not that of the majority. In a tie, camelCase is odd because SQL ignores case. */
export const isOdd = (style: Style, { snake_case: snake, camelCase: camel }: Counts): boolean =>
  style === 'snake_case' ? camel > snake : style === 'camelCase' && snake >= camel
