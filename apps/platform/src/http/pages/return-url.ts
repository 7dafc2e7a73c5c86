/** A path of this instance, in the letters that paths of ours have, and perhaps a query. */
const LOCAL_PATH = /^\/(?:[\w@-][\w.@-]*(?:\/[\w.@-]+)*\/?)?(?:\?[\w.+=&%-]*)?$/
const MAX_LENGTH = 8_000

/**
 * Where somebody who signed in goes on: an address of this instance, or its start. Nothing that a browser could read as an
 * address elsewhere has the right letters: no second slash at its start, no backslash, nothing encoded in the path.
 */
export const parseReturnUrl = (text: string | undefined): string =>
  text !== undefined && text.length <= MAX_LENGTH && LOCAL_PATH.test(text) && !text.includes('/..') ? text : '/'
