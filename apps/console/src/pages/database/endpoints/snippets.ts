import type { Endpoint } from '@persql/contract'
import type { Field } from './spec-draft.ts'

/** Returns a sample value for a field. */
export function createSample({ type, enum: choices, min }: Field): unknown {
  if (choices) return choices[0]
  return {
    text: 'text',
    email: 'ada@example.com',
    url: 'https://example.com/',
    integer: min ?? 1,
    number: min ?? 1.5,
    boolean: true,
    json: {},
  }[type]
}

const sampleInput = (fields: readonly Field[]) =>
  Object.fromEntries(
    fields.filter(({ name }) => !name.startsWith('$')).map((field) => [field.name, createSample(field)]),
  )

const formatSearch = (input: Record<string, unknown>) => {
  const pairs = Object.entries(input).map(([name, value]) => [
    name,
    typeof value === 'object' ? JSON.stringify(value) : String(value),
  ])
  return pairs.length === 0 ? '' : `?${new URLSearchParams(pairs)}`
}

/** Returns snippets that call an endpoint from a terminal and from a web page. */
export function createSnippets({ url, spec }: Endpoint): { curl: string; fetch: string } {
  const input = sampleInput(spec.input)
  const isPost = spec.method === 'POST'
  const address = isPost ? url : url + formatSearch(input)
  const json = JSON.stringify(input)
  const headers = [
    ...(isPost ? [['Content-Type', 'application/json']] : []),
    ...(spec.auth === 'session' ? [['Authorization', 'Bearer SESSION_TOKEN']] : []),
  ]
  const curl = [
    `curl '${address}'`,
    ...headers.map(([name, value]) => `-H '${name}: ${value}'`),
    ...(isPost ? [`-d '${json.replaceAll("'", "'\\''")}'`] : []),
  ]
  const options = [
    ...(isPost ? ["  method: 'POST',"] : []),
    ...(headers.length > 0
      ? [`  headers: { ${headers.map(([name, value]) => `'${name}': '${value}'`).join(', ')} },`]
      : []),
    ...(isPost ? [`  body: JSON.stringify(${json}),`] : []),
  ]
  const call = options.length === 0 ? `fetch('${address}')` : [`fetch('${address}', {`, ...options, '})'].join('\n')
  return {
    curl: curl.join(' \\\n  '),
    fetch: [`const response = await ${call}`, 'const { ok, data, error } = await response.json()'].join('\n'),
  }
}
