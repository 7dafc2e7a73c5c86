/**
 * Matches paths of this instance with an optional query string. Their characters are limited to those that our paths
 * use.
 */
const LOCAL_PATH = /^\/(?:[\w@-][\w.@-]*(?:\/[\w.@-]+)*\/?)?(?:\?[\w.+=&%-]*)?$/
const MAX_LENGTH = 8_000

/**
 * Returns the path to go to after sign-in: a path of this instance, or `/`. The pattern excludes everything that a
 * browser could read as another host: a second slash at the start, backslashes, and encoded characters in the path.
 */
export const parseReturnUrl = (text: string | undefined): string =>
  text !== undefined && text.length <= MAX_LENGTH && LOCAL_PATH.test(text) && !text.includes('/..') ? text : '/'
