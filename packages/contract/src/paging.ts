import * as z from 'zod'

/** The input of a paged list. Without both fields, the page is the whole list. */
export const paging = {
  /** Items on a page; 100 when only `cursor` is given. */
  pageSize: z.int().min(1).max(1000).optional(),
  /** `nextCursor` of the previous page. */
  cursor: z.string().min(1).max(2_000).optional(),
}

/** The `meta` of a page. */
export const PageMeta = z.object({
  /** `cursor` of the next page; `null` on the last. */
  nextCursor: z.string().nullable(),
  /** Number of items in the whole list. */
  total: z.int(),
})
export type PageMeta = z.infer<typeof PageMeta>

/** The page that a caller requests. */
export interface Paging {
  readonly pageSize?: number | undefined
  readonly cursor?: string | undefined
}

/** A page of a list. */
export interface Listed<T> extends PageMeta {
  readonly items: T[]
}
