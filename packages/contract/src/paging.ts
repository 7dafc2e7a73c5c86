import * as z from 'zod'

/** What a list takes to be read in pages. With neither, the whole list is the page. */
export const paging = {
  /** Items on a page; 100 when only `cursor` is given. */
  pageSize: z.int().min(1).max(1000).optional(),
  /** Where the page begins: `nextCursor` of the page before. */
  cursor: z.string().min(1).max(2_000).optional(),
}

/** What stands beside a page of a list. */
export const PageMeta = z.object({
  /** `cursor` of the next page; `null` on the last. */
  nextCursor: z.string().nullable(),
  /** Items of the whole list now. */
  total: z.int(),
})
export type PageMeta = z.infer<typeof PageMeta>

/** Where a page begins and how long it is, as a caller asks for it. */
export interface Paging {
  readonly pageSize?: number | undefined
  readonly cursor?: string | undefined
}

/** A page of a list. */
export interface Listed<T> extends PageMeta {
  readonly items: T[]
}
