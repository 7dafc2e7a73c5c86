/** A problem with the target of a backup that the operator can fix. The message is one or two sentences, without secrets. */
export class StoreError extends Error {
  override readonly name: string = 'StoreError'
}

/** Thrown for a blob whose content isn't what was stored with its name. */
export class DamagedBlobError extends StoreError {
  override readonly name = 'DamagedBlobError'
}
