/** A sort order: the column and the direction. */
export interface Sort {
  by: string
  isDown: boolean
}

/** The value that a column sorts by. `null` and `undefined` come last in both directions. */
export type SortValue = string | number | null | undefined

/** Formats a sort order for the URL: `-size` is descending by size. */
export const textOfSort = ({ by, isDown }: Sort): string => (isDown ? `-${by}` : by)

/** Parses a sort order from the URL. */
export const sortOfText = (text: string): Sort =>
  text.startsWith('-') ? { by: text.slice(1), isDown: true } : { by: text, isDown: false }

/** Returns the sort order after a click on a column header. A second click reverses the direction. */
export const nextSort = (now: Sort | undefined, by: string, startsDown: boolean): Sort =>
  now?.by === by ? { by, isDown: !now.isDown } : { by, isDown: startsDown }

/** Returns sorted rows. Rows with equal values keep their order. */
export function sorted<T>(rows: readonly T[], valueIn: (row: T) => SortValue, isDown: boolean): T[] {
  const way = isDown ? -1 : 1
  return rows
    .map((row) => [row, valueIn(row)] as const)
    .sort(([, a], [, b]) => {
      if (a === null || a === undefined) return b === null || b === undefined ? 0 : 1
      if (b === null || b === undefined) return -1
      return (
        way * (typeof a === 'string' && typeof b === 'string' ? a.localeCompare(b, 'en') : a < b ? -1 : a > b ? 1 : 0)
      )
    })
    .map(([row]) => row)
}
