import type { WireRequest } from './load/closed-loop.ts'
import { call, get, type Place, tool } from './wire.ts'

/** A benchmark case: the requests that clients send in turn, to the platform and to the floor alike. */
export interface Case {
  name: string
  requests: (place: Place) => WireRequest[]
}

const seededRows = 10_000
const insert = 'insert into log (name, value) values (?, ?)'

/** The cases, one per row of the table. */
export const cases: readonly Case[] = [
  {
    name: 'point read',
    requests: (place) =>
      times(1_000, (index) => {
        const id = ((index * 7_919) % seededRows) + 1
        const sql = 'select id, name, value from items where id = ?'
        return call(place, 'query', { sql, params: [id] }, `"item ${id}"`)
      }),
  },
  {
    name: '1,000-row read',
    requests: (place) => [
      call(place, 'query', { sql: 'select id, name, value from items where id <= ?', params: [1_000] }, '"item 1000"'),
    ],
  },
  {
    name: 'insert',
    requests: (place) =>
      times(1_000, (index) =>
        call(place, 'query', { sql: insert, params: [`entry ${index}`, index] }, '"rowsWritten":1'),
      ),
  },
  {
    name: '100-statement batch',
    requests: (place) => {
      const statements = times(100, (index) => ({ sql: insert, params: [`entry ${index}`, index] }))
      return [call(place, 'batch', { statements, transaction: true }, '"rowsWritten":1')]
    },
  },
  {
    name: 'public endpoint',
    requests: (place) =>
      times(1_000, (index) => {
        const id = ((index * 7_919) % seededRows) + 1
        return get(place, `item?id=${id}`, `"item ${id}"`)
      }),
  },
  {
    name: 'MCP query',
    requests: (place) =>
      times(1_000, (index) => {
        const id = ((index * 7_919) % seededRows) + 1
        const sql = 'select id, name, value from items where id = ?'
        return tool(place, 'query', { sql, params: [id] }, `"item ${id}"`)
      }),
  },
]

/** The point read as a public endpoint. The floor has a hard-coded equivalent. */
const endpoint = {
  slug: 'item',
  name: 'Item',
  kind: 'query',
  method: 'GET',
  sql: 'select id, name, value from items where id = ?',
  input: [{ name: 'id', type: 'integer', required: true, min: 1 }],
  output: 'rows',
}

/** Creates the tables of the cases: `items` with rows, and `log` without. */
export function seeding(place: Place): WireRequest[] {
  const statements = [
    'create table if not exists items (id integer primary key, name text not null, value real not null)',
    'create table if not exists log (id integer primary key, name text not null, value real not null)',
    `insert or ignore into items with recursive n(i) as (select 1 union all select i + 1 from n where i < ${seededRows})
      select i, 'item ' || i, i * 1.5 from n`,
  ]
  return [
    ...statements.map((sql) => call(place, 'query', { sql, params: [] }, '"success":true')),
    call(place, 'endpoints', endpoint, '"success":true'),
    call(place, 'endpoints/item/publish', {}, '"success":true'),
  ]
}

function times<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index))
}
