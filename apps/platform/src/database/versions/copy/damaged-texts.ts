import { lower } from '../../../sqlite/identifiers.ts'
import type { DamagedText } from '../../../sqlite/walk.ts'

const KEY = 'damaged-texts'

/** Stores the texts that weren't UTF-8 when this object became a copy. */
export const storeDamagedTexts = (kv: SyncKvStorage, texts: readonly DamagedText[]): void => kv.put(KEY, texts)

/** Returns a text of a table that wasn't UTF-8 when this object became a copy. */
export const findDamagedText = (kv: SyncKvStorage, table: string): DamagedText | undefined =>
  kv.get<DamagedText[]>(KEY)?.find((text) => lower(text.table) === lower(table))
