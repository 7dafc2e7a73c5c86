/** The expiry of one of the library's records, and its metadata for lists. */
export interface RecordOptions {
  readonly expirationTtl?: number
  readonly expiration?: number
  readonly metadata?: unknown
}

/** The OAuth library's storage. It was written for Workers KV. On an object's SQLite, the next read sees each write. */
export interface OAuthStore {
  get(key: string): Promise<unknown>
  put(key: string, value: string, options?: RecordOptions): Promise<void>
  delete(key: string): Promise<void>
  list(options: { readonly prefix: string }): Promise<{
    readonly keys: readonly { readonly name: string; readonly metadata?: unknown }[]
    readonly list_complete: true
  }>
}

/** Returns the expiry of a record from the library's options, or `null` for none. */
export function getExpiry({ expiration, expirationTtl }: RecordOptions, nowMs: number): number | null {
  if (expirationTtl !== undefined) return nowMs + expirationTtl * 1000
  return expiration === undefined ? null : nowMs + expiration * 1000 - Date.now()
}
