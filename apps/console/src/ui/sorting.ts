/** Which column rows are sorted by, and which way. */
export interface Sort {
  by: string
  isDown: boolean
}

/** What rows are sorted by in a column; nothing known stands last, whichever way. */
export type SortValue = string | number | null | undefined

/** `-size` for the largest first. */
export const textOfSort = ({ by, isDown }: Sort): string => (isDown ? `-${by}` : by)

/** The same read back. */
export const sortOfText = (text: string): Sort =>
  text.startsWith('-') ? { by: text.slice(1), isDown: true } : { by: text, isDown: false }

/** After a click on the head of a column: numbers begin with the largest, a second click turns it around. */
export const nextSort = (now: Sort | undefined, by: string, startsDown: boolean): Sort =>
  now?.by === by ? { by, isDown: !now.isDown } : { by, isDown: startsDown }

/** Rows in order of a value; those that are the same stay as they were. */
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
