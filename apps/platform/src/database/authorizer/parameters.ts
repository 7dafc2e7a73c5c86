import { MAX_PARAMETERS, PerSQLError } from '@persql/contract'
import { formatCount } from '@persql/endpoint-spec'
import type { Statement } from '../../sqlite/tokenizer.ts'
import { type Bound, isNamed, type NamedParams, type Params } from '../calls/values.ts'
import { numbering } from './bind.ts'

/** The parameters of a statement. */
export class Parameters {
  readonly #statement: Pick<Statement, 'text' | 'placeholders'>
  /** The highest number among the placeholders. */
  readonly count: number
  readonly #numbers: readonly number[]
  #names: Names | undefined

  /** @throws PerSQLError `sql_error` if there are more than `MAX_PARAMETERS` */
  constructor(statement: Pick<Statement, 'text' | 'placeholders'>) {
    this.#statement = statement
    this.#numbers = numbering(statement.text, statement.placeholders)
    this.count = this.#numbers.reduce((highest, number) => Math.max(highest, number), 0)
    if (this.count > MAX_PARAMETERS) throw failed('too_many_params', TOO_MANY_PARAMETERS)
  }

  /** Checks that each parameter has a value, and each value a parameter. @throws PerSQLError `sql_error` */
  assertGiven(params: Params): void {
    if (isNamed(params)) this.#assertNames(params)
    else if (params.length !== this.count) throw wrongCount(this.count, params.length)
  }

  /** Returns the values by number. Call it only with values that `assertGiven` accepts; without, the rest is NULL. */
  inOrder(params: Params): readonly Bound[] {
    if (!isNamed(params)) return params
    const list = new Array<Bound>(this.count).fill(null)
    for (const [name, value] of params) {
      for (const number of this.names.numbers.get(name) ?? []) list[number - 1] = value
    }
    return list
  }

  get names(): Names {
    this.#names ??= readNames(this.#statement, this.#numbers)
    return this.#names
  }

  #assertNames(params: NamedParams): void {
    const { numbers, hasUnnamed } = this.names
    if (hasUnnamed) {
      throw failed('too_few_params', 'A placeholder "?" has no name.', 'Send "params" as an array, or name each "?".')
    }
    const missing = [...numbers.keys()].filter((name) => !params.has(name))
    if (missing.length > 0) {
      const hint = 'Add a value for each name in the statement to "params".'
      throw failed('too_few_params', `${list('Missing', missing)}.`, hint)
    }
    const extra = [...params.keys()].filter((name) => !numbers.has(name))
    if (extra.length > 0) {
      const hint = 'Remove the values that have no placeholder, or check their names. Names are case-sensitive.'
      throw failed('too_many_params', `${list('Unknown', extra)}.`, hint)
    }
  }
}

interface Names {
  /** The numbers of the parameters with this name: `:a` and `@a` are two. `?7` is named 7, unless `:a` has its number. */
  readonly numbers: ReadonlyMap<string, readonly number[]>
  /** Whether a parameter has only `?` as its placeholder. */
  readonly hasUnnamed: boolean
}

function readNames(
  { text, placeholders }: Pick<Statement, 'text' | 'placeholders'>,
  numbers: readonly number[],
): Names {
  const byNumber = new Map<number, string>()
  for (const [i, [start, end]] of placeholders.entries()) {
    const number = numbers[i] as number
    const isWord = text[start] !== '?'
    const name = isWord ? text.slice(start + 1, end) : end > start + 1 ? String(number) : ''
    if (isWord || !byNumber.get(number)) byNumber.set(number, name)
  }
  const byName = new Map<string, number[]>()
  for (const [number, name] of byNumber) byName.set(name, [...(byName.get(name) ?? []), number])
  const hasUnnamed = byName.delete('')
  return { numbers: byName, hasUnnamed }
}

const MAX_LISTED = 5

function list(adjective: string, names: readonly string[]): string {
  const shown = names.slice(0, MAX_LISTED).map((name) => `"${name.slice(0, 80)}"`)
  const rest = names.length - shown.length
  return `${adjective} ${names.length === 1 ? 'parameter' : 'parameters'} ${shown.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`
}

function wrongCount(needed: number, given: number): PerSQLError {
  const kind = given > needed ? 'too_many_params' : 'too_few_params'
  const hint =
    kind === 'too_many_params'
      ? 'Remove the parameters that have no placeholder.'
      : 'Add one value to "params" for each placeholder. "?7" needs at least 7 values.'
  const expected = needed === 0 ? 'no parameters' : formatCount(needed, 'parameter')
  return failed(kind, `Expected ${expected}, but got ${given}.`, hint)
}

/** The message for a parameter whose number is out of range. */
export const TOO_MANY_PARAMETERS = `A statement can have at most ${MAX_PARAMETERS.toLocaleString('en-US')} parameters, numbered ?1 to ?${MAX_PARAMETERS}.`

function failed(kind: 'too_few_params' | 'too_many_params', message: string, hint?: string): PerSQLError {
  return new PerSQLError('sql_error', { message }, { extra: { errorDetail: { message, kind, ...(hint && { hint }) } } })
}
