/** The caller of the statements that run now. */
export class CurrentCaller {
  /** The ID of its token, or of the member. */
  tokenId = ''
}
