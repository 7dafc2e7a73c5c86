import { describeIssue } from './input-issues.ts'
import { Endpoint } from './shape.ts'
import type { EndpointSpec, FieldSpec } from './spec.ts'

/** A problem of a spec; `field` is a path such as `input[2].pattern`. */
export interface SpecProblem {
  readonly field: string
  readonly message: string
}

/** Facts about a spec's statement from SQLite's compiler. */
export interface StatementFacts {
  readonly kind: 'read' | 'write' | 'schema'
  /** The placeholders as written in the SQL. */
  readonly placeholders: readonly string[]
}

/**
 * Checks a spec against all rules, including those on the compiled statement if `statement` is passed. Runs no SQL and
 * makes no calls.
 */
export function validateEndpointSpec(
  value: unknown,
  statement?: StatementFacts,
): { ok: true; spec: EndpointSpec } | { ok: false; errors: readonly SpecProblem[] } {
  const parsed = Endpoint.safeParse(value, { error: describeIssue(Endpoint) })
  if (!parsed.success) {
    const errors = parsed.error.issues.flatMap((issue) =>
      issue.code === 'unrecognized_keys'
        ? issue.keys.map((key) => problem(formatPath([...issue.path, key]), "isn't a known field"))
        : [problem(formatPath(issue.path), issue.message)],
    )
    return { ok: false, errors }
  }
  const given = parsed.data
  const spec: EndpointSpec = {
    ...given,
    sql: given.sql ?? '',
    auth: given.auth ?? 'public',
    authConfig: given.authConfig && {
      emailColumn: 'email',
      passwordColumn: 'password_hash',
      sessionTtlSec: 86_400,
      ...given.authConfig,
    },
    askConfig: given.askConfig && { maxRows: 100, ...given.askConfig },
  }
  const errors = [...ofKind(spec), ...ofFields(spec), ...(statement ? ofStatement(spec, statement) : [])]
  return errors.length > 0 ? { ok: false, errors } : { ok: true, spec }
}

/**
 * Returns the fields that are bound to the placeholders, in order. A login compares its password instead of binding it.
 */
export const boundFields = ({ kind, input }: Pick<EndpointSpec, 'kind' | 'input'>): readonly FieldSpec[] =>
  kind === 'auth_login' ? input.filter(({ name }) => name !== 'password') : input

const OUTPUTS = {
  query: ['rows', 'first_row'],
  mutation: ['rows_written'],
  auth_signup: ['session'],
  auth_login: ['session'],
  ask: ['answer'],
} as const satisfies Record<EndpointSpec['kind'], readonly EndpointSpec['output'][]>

function* ofKind(spec: EndpointSpec): Generator<SpecProblem> {
  const { kind, method, output, sql, auth, authConfig, askConfig } = spec
  const outputs: readonly string[] = OUTPUTS[kind]
  const isAuth = kind === 'auth_signup' || kind === 'auth_login'
  if (!outputs.includes(output)) yield problem('output', `must be ${outputs.join(' or ')} for kind "${kind}"`)
  if (method === 'GET' && (isAuth || kind === 'mutation')) yield problem('method', `must be POST for kind "${kind}"`)
  if (kind === 'ask' ? sql.trim() !== '' : sql.trim() === '') {
    yield problem(
      'sql',
      kind === 'ask' ? 'must be empty, because the AI model writes the SQL' : 'must contain a statement',
    )
  }
  if (isAuth !== (authConfig !== undefined)) {
    yield problem('authConfig', isAuth ? 'must name the users table' : `isn't supported for kind "${kind}"`)
  }
  if ((kind === 'ask') !== (askConfig !== undefined)) {
    yield problem(
      'askConfig',
      kind === 'ask' ? 'must list the tables that can be queried' : `isn't supported for kind "${kind}"`,
    )
  }
  if (isAuth && auth === 'session')
    yield problem('auth', `must not be "session" for kind "${kind}", which creates sessions`)
}

function* ofFields(spec: EndpointSpec): Generator<SpecProblem> {
  const { kind, input, auth } = spec
  const names = new Set<string>()
  for (const [i, field] of input.entries()) {
    const at = `input[${i}]`
    if (names.has(field.name)) yield problem(`${at}.name`, `must be unique, but "${field.name}" is used twice`)
    names.add(field.name)
    if (field.name.startsWith('$') && auth !== 'session') {
      yield problem(`${at}.name`, `must not be "${field.name}" unless auth is "session"`)
    }
    yield* ofField(field, at)
  }
  if (kind === 'ask') {
    const [question] = input
    if (input.length !== 1 || question?.name !== 'question' || question.type !== 'text') {
      yield problem('input', 'must be exactly one text field named "question" for kind "ask"')
    } else if ((question.maxLength ?? 0) > 500)
      yield problem('input[0].maxLength', 'must be at most 500 for kind "ask"')
  }
  if (kind === 'auth_signup' || kind === 'auth_login') {
    for (const [name, types] of [
      ['email', ['email', 'text']],
      ['password', ['text']],
    ] as const) {
      const field = input.find((each) => each.name === name)
      if (!field || !(types as readonly string[]).includes(field.type)) {
        yield problem('input', `must include a field "${name}" of type ${types.join(' or ')} for kind "${kind}"`)
      }
    }
  }
}

function* ofField(field: FieldSpec, at: string): Generator<SpecProblem> {
  const { type, min, max } = field
  const only = (key: keyof FieldSpec, types: readonly FieldSpec['type'][]): SpecProblem[] =>
    field[key] === undefined || types.includes(type)
      ? []
      : [problem(`${at}.${key}`, `is only supported for type ${types.join(', ')}, not ${type}`)]
  yield* only('pattern', ['text'])
  yield* only('enum', ['text'])
  yield* only('min', ['integer', 'number'])
  yield* only('max', ['integer', 'number'])
  yield* only('maxLength', ['text', 'email', 'url', 'json'])
  if (min !== undefined && max !== undefined && min > max)
    yield problem(`${at}.max`, `must be at least ${min}, the value of min`)
  if (field.enum && new Set(field.enum).size < field.enum.length)
    yield problem(`${at}.enum`, 'must not contain duplicates')
}

function* ofStatement(spec: EndpointSpec, { kind, placeholders }: StatementFacts): Generator<SpecProblem> {
  const reads = spec.kind === 'query' || spec.kind === 'auth_login'
  if (kind === 'schema') yield problem('sql', 'must not change the schema')
  else if (reads && kind !== 'read') {
    const instead = spec.kind === 'query' ? ': use kind "mutation" to write' : ''
    yield problem('sql', `must only read for kind "${spec.kind}"${instead}`)
  } else if (!reads && kind === 'read') {
    const instead = spec.kind === 'mutation' ? ': use kind "query" to read' : ''
    yield problem('sql', `must write for kind "${spec.kind}"${instead}`)
  }
  const other = placeholders.find((placeholder) => placeholder !== '?')
  if (other) yield problem('sql', `must use "?" instead of "${other}": values are bound in input order`)
  const fields = boundFields(spec)
  if (placeholders.length !== fields.length) {
    const names = fields.map(({ name }) => name).join(', ')
    yield problem(
      'input',
      `must have one field per placeholder: the statement has ${placeholders.length} and the input ${fields.length}${names && ` (${names})`}`,
    )
  }
}

const problem = (field: string, message: string): SpecProblem => ({ field, message })

const formatPath = (path: readonly PropertyKey[]): string =>
  path.reduce<string>(
    (text, key) => (typeof key === 'number' ? `${text}[${key}]` : text ? `${text}.${String(key)}` : String(key)),
    '',
  ) || 'spec'
