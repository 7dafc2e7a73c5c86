import type { Bootstrap } from './bootstrap-namespace.ts'

/**
 * Formats the welcome message after the first start: the URL, and a query that works when pasted. `others` are the
 * addresses of the cells besides the first.
 */
export function formatWelcome(
  place: { url: string; others?: readonly string[]; data: string; stop: string },
  access: Bootstrap | undefined,
): string {
  const rows = [
    ['URL', place.url],
    ...(place.others ?? []).map((url, index) => [`Cell ${index + 1}`, url]),
    ...(access === undefined
      ? []
      : [
          ['Namespace', access.namespace],
          ['Database', access.database],
          ['Token', access.token],
        ]),
    ['Data', place.data],
  ]
  const table = rows.map(([name, value]) => `  ${name?.padEnd(11)}${value}`).join('\n')
  const hints = access === undefined ? [] : ['', '  Run a query:', '', firstQuery(access), '', firstTable(access)]
  return ['', '  PerSQL is running.', '', table, ...hints, '', `  ${place.stop}`, ''].join('\n')
}

function firstQuery(access: Bootstrap): string {
  return curl(access, 'query', {
    sql: 'SELECT ? AS greeting, CURRENT_TIMESTAMP AS at',
    params: ['hello from PerSQL'],
  })
}

function firstTable(access: Bootstrap): string {
  return curl(access, 'batch', {
    transaction: true,
    statements: [
      { sql: 'CREATE TABLE IF NOT EXISTS greetings (id INTEGER PRIMARY KEY, text TEXT NOT NULL)' },
      { sql: 'INSERT INTO greetings (text) VALUES (?)', params: ['my first row'] },
      { sql: 'SELECT * FROM greetings' },
    ],
  })
}

function curl({ url, namespace, database, token }: Bootstrap, call: string, body: object): string {
  return [
    `curl ${shellQuoted(`${url}/v1/db/${namespace}/${database}/${call}`)}`,
    `-H 'Authorization: Bearer ${token}'`,
    "-H 'Content-Type: application/json'",
    `-d ${shellQuoted(JSON.stringify(body))}`,
  ].join(' \\\n  ')
}

function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}
