/** When a record of the library's ends, and what lists show of it. */
export interface RecordOptions {
  readonly expirationTtl?: number
  readonly expiration?: number
  readonly metadata?: unknown
}

/**
 * What the OAuth library keeps its records in. It was written for Workers KV; over an object's SQLite what was written is
 * there for the next read.
 */
export interface OAuthStore {
  get(key: string): Promise<unknown>
  put(key: string, value: string, options?: RecordOptions): Promise<void>
  delete(key: string): Promise<void>
  list(options: { readonly prefix: string }): Promise<{
    readonly keys: readonly { readonly name: string; readonly metadata?: unknown }[]
    readonly list_complete: true
  }>
}

/** When a record ends by the library's options, or `null` for one that stays. */
export function endOf({ expiration, expirationTtl }: RecordOptions, nowMs: number): number | null {
  if (expirationTtl !== undefined) return nowMs + expirationTtl * 1000
  return expiration === undefined ? null : nowMs + expiration * 1000 - Date.now()
}
