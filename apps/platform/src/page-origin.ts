import { PerSQLError } from '@persql/contract'

/**
 * Checks the `Origin` header of a request against the origins of a token. Requests without the header, which aren't from
 * a page of another site, and tokens without origins pass.
 * @throws PerSQLError `origin_not_allowed`
 */
export function assertPageMayUse(origins: readonly string[] | null, origin: string | undefined): void {
  if (origins === null || origin === undefined || origins.includes(origin)) return
  throw new PerSQLError('origin_not_allowed', { origin: origin.slice(0, 200) })
}

/** The page that sends a request, by its `Origin` header. It finds out whether the page can read the response. */
export class CallingPage {
  readonly origin: string
  /** `undefined` until the token is known. */
  #isListed: boolean | undefined

  constructor(origin: string) {
    this.origin = origin
  }

  /** Notes the origins of the caller's token. @throws PerSQLError `origin_not_allowed` */
  admit(origins: readonly string[] | null): void {
    assertPageMayUse(origins, this.origin)
    this.#isListed = origins !== null
  }

  /**
   * Returns whether the page can read a response with this status: any response to a token that lists its origin, and
   * errors from before a token is known, which contain nothing that the page couldn't get without a token.
   */
  canRead(status: number): boolean {
    return this.#isListed ?? status >= 400
  }
}
