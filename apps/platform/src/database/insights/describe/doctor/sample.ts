import type { ForeignKey } from '../model.ts'
import { wordsOf } from '../search-terms.ts'

/** What the sampled rows hold in one column. Texts are cut after 100 characters. */
export interface ColumnSample {
  nulls: number
  readonly integers: string[]
  readonly reals: string[]
  readonly texts: string[]
  blobs: number
  /** Texts that were taken for JSON, and those of them that are none. */
  readonly json: { checked: number; invalid: number }
}

/** Some rows of a table: the first and the last ones. */
export interface Sample {
  readonly rows: number
  /** These are all rows. */
  readonly complete: boolean
  readonly columns: ReadonlyMap<string, ColumnSample>
  /** How many of the first rows point at a row that is not there, for each foreign key that could be followed. */
  readonly orphans: ReadonlyMap<ForeignKey, number>
  readonly rowsRead: number
}

/** Whether a column is meant to hold JSON, going by its name and type. */
export const namesJson = (name: string, type: string): boolean =>
  /json/i.test(type) || ['json', 'jsonb', 'metadata', 'payload'].includes(wordsOf(name).at(-1) ?? '')
