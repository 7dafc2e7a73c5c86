import { errors } from './error-table.ts'

export type ErrorCode = keyof typeof errors

/** Values for the placeholders of an error message. A `requestId` is added at its end. */
export type ErrorDetails = Readonly<Record<string, unknown>>

/** The names of the placeholders of a message. */
type Placeholder<Message extends string> = Message extends `${string}{${infer Name}}${infer Rest}`
  ? Name | Placeholder<Rest>
  : never

type IsUnion<T, Whole = T> = T extends unknown ? ([Whole] extends [T] ? false : true) : never

/** The details of an error: a value for each placeholder, unless the code is only known at run time. */
type DetailsOf<C extends ErrorCode> =
  true extends IsUnion<C>
    ? ErrorDetails
    : ErrorDetails & { readonly [Name in Placeholder<(typeof errors)[C]['message']>]: NonNullable<unknown> }

/** The options of an error: fields that are sent beside `error` and `code`, and a cause, which stays in the log. */
interface ErrorOptions {
  readonly extra?: ErrorDetails | undefined
  readonly cause?: unknown
}

/**
 * A failure with a code from the table. `details` fill the message, `extra` is sent beside `error` and `code`,
 * `cause` stays in the log.
 */
export class PerSQLError<C extends ErrorCode = ErrorCode> extends Error {
  override readonly name = 'PerSQLError'
  readonly code: ErrorCode
  readonly details: ErrorDetails
  readonly extra: ErrorDetails

  constructor(
    code: C,
    ...[details, options = {}]: Record<never, never> extends DetailsOf<C>
      ? [details?: DetailsOf<C>, options?: ErrorOptions]
      : [details: DetailsOf<C>, options?: ErrorOptions]
  ) {
    super(sentence(code, details ?? {}), { cause: options.cause })
    this.code = code
    this.details = details ?? {}
    this.extra = options.extra ?? {}
  }

  get status(): number {
    return errors[this.code].status
  }

  /** Restores an error that lost its class in an RPC call; unknown errors become `internal`. */
  static from(cause: unknown): PerSQLError {
    if (cause instanceof PerSQLError) return cause
    const { code, details, extra } = Object(cause) as Partial<PerSQLError>
    return typeof code === 'string' && Object.hasOwn(errors, code)
      ? new PerSQLError(code, details, { extra, cause })
      : new PerSQLError('internal', {}, { cause })
  }

  /** Returns the response body for `/v1` and `/api`. */
  toJSON(): { success: false; error: string; code: ErrorCode } & Record<string, unknown> {
    return { success: false, error: this.message, code: this.code, ...this.extra }
  }
}

function sentence(code: ErrorCode, details: ErrorDetails): string {
  const text = errors[code].message.replace(/\{(\w+)\}/g, (_, key: string) => String(details[key] ?? '')).trim()
  return details.requestId === undefined ? text : `${text} Request ID: ${details.requestId}.`
}
