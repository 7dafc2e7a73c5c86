import type { ForeignKey } from '../model.ts'
import { splitWords } from '../search-terms.ts'

/** Sampled values of one column. Texts are cut after 100 characters. */
export interface ColumnSample {
  nulls: number
  readonly integers: string[]
  readonly reals: string[]
  readonly texts: string[]
  blobs: number
  /** Number of texts that were checked as JSON, and of those that are invalid. */
  readonly json: { checked: number; invalid: number }
}

/** A sample of a table: its first and last rows. */
export interface Sample {
  readonly rows: number
  /** Whether the sample contains all rows. */
  readonly complete: boolean
  readonly columns: ReadonlyMap<string, ColumnSample>
  /** Orphans among the first rows, for each foreign key that could be checked. */
  readonly orphans: ReadonlyMap<ForeignKey, number>
  readonly rowsRead: number
}

/** Returns whether the name and type of a column suggest JSON. */
export const namesJson = (name: string, type: string): boolean =>
  /json/i.test(type) || ['json', 'jsonb', 'metadata', 'payload'].includes(splitWords(name).at(-1) ?? '')
