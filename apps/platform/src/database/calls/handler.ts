import type { Api, Parsed } from '@persql/contract'
import type { DatabaseCall } from './call.ts'
import type { Outcome } from './outcome.ts'

/** The handler of one operation in its database. */
export type Handler = (call: DatabaseCall) => Outcome | Promise<Outcome>

/** The handlers of a feature, by their names in the contract. */
export type Handlers = { readonly [K in keyof Api]?: Handler }

/** Operations whose bodies the database parses itself. */
type ParsedHere = { [K in keyof Api]: Api[K] extends { parsedBy: 'database' } ? K : never }[keyof Api]

/** The input of an operation, with the URL of this instance for links. */
type Input<K extends keyof Api> = Parsed<Api[K]> & { readonly baseUrl: string }

/** Returns the input of a call, which the Worker has validated. */
export const parseInput = <K extends Exclude<keyof Api, ParsedHere>>({ body }: DatabaseCall): Input<K> =>
  JSON.parse(body) as Input<K>
