/** A problem with the target of a backup that the operator can fix. The message is one or two sentences, without secrets. */
export class StoreError extends Error {
  override readonly name = 'StoreError'
}
