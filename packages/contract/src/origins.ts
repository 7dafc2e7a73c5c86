import * as z from 'zod'

const MAX_ORIGINS = 20

/** The global of every runtime. This package has the types of none. */
declare const URL: { new (text: string): { readonly origin: string }; canParse(text: string): boolean }

/**
 * Returns the origin that a text names, as browsers send it: lower case, and without a default port. Returns `undefined`
 * for anything but an http or https origin.
 */
export function toOrigin(text: string): string | undefined {
  if (!/^https?:\/\/[^/\\?#@*\s]+$/i.test(text)) return undefined
  return URL.canParse(text) ? new URL(text).origin : undefined
}

const Origin = z
  .string()
  .max(300)
  .refine(
    (text) => toOrigin(text) !== undefined,
    'must be an http or https origin such as https://app.example.com, without a path or a wildcard',
  )
  .overwrite((text) => toOrigin(text) ?? text)

/** The origins of web pages that can use a token, each once. */
export const Origins = z
  .array(Origin)
  .min(1)
  .max(MAX_ORIGINS)
  .overwrite((origins) => [...new Set(origins)])
