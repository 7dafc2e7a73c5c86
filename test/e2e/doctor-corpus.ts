/** A schema with rows, and what the doctor is to find in it: each of `rule`, and at `column` where one is named. */
export interface Case {
  readonly rule: string
  readonly sql: readonly string[]
  readonly table?: string
  readonly column?: string
  /** Part of the message. */
  readonly says?: string
}

/** A schema nothing is to be said against, with all that rules look at, done well. */
export const CLEAN: readonly string[] = [
  'CREATE TABLE customers (id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE, active INTEGER NOT NULL, created_at TEXT NOT NULL)',
  `CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customers (id), total_cents INTEGER NOT NULL,
   placed_on TEXT, shipped_at TEXT DEFAULT CURRENT_TIMESTAMP, metadata TEXT, status TEXT NOT NULL)`,
  'CREATE INDEX orders_customer ON orders (customer_id, placed_on)',
  `CREATE TABLE lines (order_id INTEGER NOT NULL REFERENCES orders, position INTEGER NOT NULL, weight REAL, sku TEXT, PRIMARY KEY (order_id, position)) WITHOUT ROWID`,
  'CREATE TABLE settings (key TEXT PRIMARY KEY NOT NULL, value TEXT)',
  'CREATE TABLE points (id INTEGER PRIMARY KEY, x REAL, y REAL, parent_id INTEGER REFERENCES points)',
  'CREATE INDEX points_parent ON points (parent_id) WHERE parent_id IS NOT NULL',
  'CREATE VIEW spending AS SELECT customer_id, sum(total_cents) AS cents FROM orders GROUP BY 1',
  'CREATE VIRTUAL TABLE notes USING fts5(body)',
  `INSERT INTO customers (email, active, created_at) VALUES ('a@example.com', 1, '2026-01-02T03:04:05Z'), ('b@example.com', 0, '2026-01-02T03:04:05.123+02:00')`,
  `INSERT INTO orders VALUES (1, 1, 1999, '2026-01-31', '2026-01-31 10:00:00', '{"gift":true}', 'paid'), (2, 1, 5, NULL, NULL, '[]', 'open'), (3, 2, 7, '2026-02-01', NULL, NULL, 'open')`,
  `INSERT INTO lines VALUES (1, 1, 0.5, '007'), (1, 2, 2, '008')`,
  `INSERT INTO settings VALUES ('theme', 'dark'), ('size', '12'), ('list', '[x]')`,
  'INSERT INTO points VALUES (1, 0.5, 1, NULL), (2, 1, 2, 1)',
]

const values = (type: string, list: string, name = 'c') => [
  `CREATE TABLE things_seen (id INTEGER PRIMARY KEY, ${name} ${type})`,
  `INSERT INTO things_seen (${name}) VALUES ${list}`,
]

/** One schema for each way in which a rule may find something. */
export const CASES: readonly Case[] = [
  { rule: 'no_primary_key', sql: ['CREATE TABLE t1 (a_b TEXT)'] },
  { rule: 'nullable_primary_key', sql: ['CREATE TABLE tags (code TEXT PRIMARY KEY)'], column: 'code' },
  {
    rule: 'foreign_key_without_index',
    sql: ['CREATE TABLE a1 (id INTEGER PRIMARY KEY)', 'CREATE TABLE b1 (id INTEGER PRIMARY KEY, a_id REFERENCES a1)'],
    table: 'b1',
    column: 'a_id',
  },
  {
    rule: 'foreign_key_without_index',
    sql: [
      'CREATE TABLE a1 (m INTEGER, n INTEGER, PRIMARY KEY (m, n))',
      'CREATE TABLE "b ""1" ("x y" INTEGER, n INTEGER, FOREIGN KEY ("x y", n) REFERENCES a1)',
      'CREATE INDEX only_one ON "b ""1" (n)',
      'CREATE TABLE "idx_b_1_x_y_n" (id INTEGER PRIMARY KEY)',
    ],
    table: 'b "1',
  },
  {
    rule: 'foreign_key_without_index',
    sql: [
      'CREATE TABLE a1 (id INTEGER PRIMARY KEY)',
      'CREATE TABLE b1 (id INTEGER PRIMARY KEY, a_id INTEGER REFERENCES a1, done INTEGER)',
      'CREATE INDEX some ON b1 (a_id) WHERE done = 0',
    ],
    column: 'a_id',
  },
  {
    rule: 'foreign_key_to_missing_table',
    sql: ['CREATE TABLE b1 (id INTEGER PRIMARY KEY, a_id REFERENCES gone)'],
    column: 'a_id',
  },
  {
    rule: 'foreign_key_to_missing_column',
    sql: [
      'CREATE TABLE a1 (id INTEGER PRIMARY KEY)',
      'CREATE TABLE b1 (id INTEGER PRIMARY KEY, a_id REFERENCES a1 (gone))',
    ],
    says: '"gone"',
  },
  {
    rule: 'foreign_key_to_missing_column',
    sql: ['CREATE TABLE a1 (n INTEGER)', 'CREATE TABLE b1 (id INTEGER PRIMARY KEY, a_id REFERENCES a1)'],
    says: 'a key that "a1" doesn\'t have',
  },
  {
    rule: 'foreign_key_to_column_not_unique',
    sql: [
      'CREATE TABLE a1 (id INTEGER PRIMARY KEY, n INTEGER)',
      'CREATE TABLE b1 (id INTEGER PRIMARY KEY, n INTEGER REFERENCES a1 (n))',
    ],
    column: 'n',
  },
  {
    // SQLite does not check rows that are there when a generated column is added.
    rule: 'foreign_key_violations',
    sql: [
      'CREATE TABLE a1 (id INTEGER PRIMARY KEY)',
      'CREATE TABLE b1 (id INTEGER PRIMARY KEY, n INTEGER)',
      'INSERT INTO a1 VALUES (1)',
      'INSERT INTO b1 (n) VALUES (1), (2), (3), (NULL)',
      'ALTER TABLE b1 ADD COLUMN a_id INTEGER AS (n) REFERENCES a1',
      'CREATE INDEX b1_a ON b1 (a_id)',
    ],
    column: 'a_id',
    says: '2 sampled rows point',
  },
  {
    rule: 'duplicate_index',
    sql: [
      'CREATE TABLE a1 (id INTEGER PRIMARY KEY, m INTEGER, n INTEGER)',
      'CREATE INDEX wide ON a1 (m, n)',
      'CREATE INDEX narrow ON a1 (m)',
    ],
    says: '"narrow" is redundant: "wide" covers it',
  },
  {
    rule: 'duplicate_index',
    sql: ['CREATE TABLE a1 (id INTEGER PRIMARY KEY, m INTEGER UNIQUE)', 'CREATE INDEX again ON a1 (m)'],
    says: '"again"',
  },
  {
    rule: 'duplicate_index',
    sql: ['CREATE TABLE a1 (id INTEGER PRIMARY KEY)', 'CREATE INDEX again ON a1 (id)'],
    says: 'the primary key',
  },
  {
    rule: 'nullable_unique',
    sql: ['CREATE TABLE a1 (id INTEGER PRIMARY KEY, m INTEGER NOT NULL, n INTEGER, UNIQUE (m, n))'],
    column: 'n',
  },
  {
    rule: 'nullable_unique',
    sql: [
      'CREATE TABLE a1 (id INTEGER PRIMARY KEY, m INTEGER UNIQUE)',
      'INSERT INTO a1 (m) VALUES (1), (NULL), (NULL)',
    ],
    column: 'm',
  },
  {
    rule: 'missing_not_null',
    sql: values('TEXT', Array.from({ length: 10 }, (_, i) => `('n${i}')`).join(', '), 'name'),
    column: 'name',
  },
  {
    rule: 'mixed_types_in_column',
    sql: values('BLOB', "(1), (2), ('x')"),
    column: 'c',
    says: 'text (1) and numbers (2)',
  },
  { rule: 'mixed_types_in_column', sql: values('INTEGER', '(1), (2.5)'), column: 'c', says: 'fractions' },
  { rule: 'mixed_types_in_column', sql: values('TEXT', "('a'), (x'00')"), column: 'c' },
  { rule: 'boolean_as_text', sql: values('TEXT', "('true'), ('false'), (NULL)"), column: 'c', says: "'false', 'true'" },
  { rule: 'boolean_as_text', sql: values('TEXT', "('Y'), ('n')"), column: 'c' },
  { rule: 'boolean_as_text', sql: values('TEXT', "('yes')"), column: 'c' },
  {
    rule: 'same_value_spelled_differently',
    sql: values('TEXT', "('open'), ('Open'), ('paid'), ('open'), ('paid'), ('paid'), ('open'), ('open ')"),
    column: 'c',
    says: "'Open', 'open', 'open '",
  },
  { rule: 'empty_text_beside_null', sql: values('TEXT', "(''), (NULL), ('x')"), column: 'c' },
  {
    rule: 'json_invalid',
    sql: values('TEXT', "('{}'), ('{oops'), (NULL)", 'payload'),
    column: 'payload',
    says: "1 value that isn't valid JSON, out of 2 checked",
  },
  { rule: 'json_invalid', sql: values('JSON', "('plain')"), column: 'c' },
  { rule: 'json_invalid', sql: values('TEXT', `('{"a":1}'), ('[2]'), ('{a:1}')`), column: 'c' },
  { rule: 'money_as_real', sql: values('REAL', '(9.99), (1)', 'unit_price'), column: 'unit_price' },
  { rule: 'id_as_text', sql: values('TEXT', "('1'), ('23')", 'user_id'), column: 'user_id' },
  {
    rule: 'dates_as_text_in_several_formats',
    sql: values('TEXT', "('2026-01-02'), ('02/01/2026'), ('Jan 2, 2026')"),
    column: 'c',
    says: 'YYYY-MM-DD',
  },
  {
    rule: 'dates_as_text_in_several_formats',
    sql: values('TEXT', "('2026-01-02T00:00:00Z'), ('1767312000'), ('unknown')", 'seen_at'),
    column: 'seen_at',
  },
  { rule: 'dates_not_sortable', sql: values('TEXT', "('31.12.2026'), ('1.1.2027')"), column: 'c', says: 'DD.MM.YYYY' },
  { rule: 'dates_not_sortable', sql: values('TEXT', "('Thu, 31 Dec 2026 10:00:00 GMT')"), column: 'c' },
  { rule: 'dates_without_timezone', sql: values('TEXT', "('2026-01-02T03:04:05')"), column: 'c' },
  {
    rule: 'timestamps_in_several_units',
    sql: values('INTEGER', '(1767312000), (1767312000000)', 'seen_at'),
    column: 'seen_at',
  },
  { rule: 'ambiguous_name', sql: ['CREATE TABLE tmp (id INTEGER PRIMARY KEY)'], table: 'tmp' },
  { rule: 'ambiguous_name', sql: ['CREATE TABLE things_seen (id INTEGER PRIMARY KEY, data TEXT)'], column: 'data' },
  { rule: 'ambiguous_name', sql: ['CREATE TABLE things_seen (id INTEGER PRIMARY KEY, q TEXT)'], column: 'q' },
  { rule: 'ambiguous_name', sql: ['CREATE TABLE things_seen (id INTEGER PRIMARY KEY, col_1 TEXT)'], column: 'col_1' },
  {
    rule: 'inconsistent_naming',
    sql: ['CREATE TABLE seen (id INTEGER PRIMARY KEY, first_name TEXT, lastName TEXT, birth_place TEXT)'],
    says: '"lastName"',
  },
  {
    rule: 'inconsistent_naming',
    sql: ['user_roles', 'user_names', 'userLogins'].map((name) => `CREATE TABLE ${name} (id INTEGER PRIMARY KEY)`),
    table: 'userLogins',
  },
  {
    rule: 'inconsistent_naming',
    sql: [
      'CREATE TABLE users (id INTEGER PRIMARY KEY, first_name TEXT, last_name TEXT)',
      'CREATE TABLE sessions (id INTEGER PRIMARY KEY, expiresOn TEXT, ipAddress TEXT)',
    ],
    table: 'sessions',
    says: '"expiresOn"',
  },
  { rule: 'reserved_word_as_name', sql: ['CREATE TABLE "order" (id INTEGER PRIMARY KEY)'], table: 'order' },
  { rule: 'reserved_word_as_name', sql: ['CREATE TABLE seen (id INTEGER PRIMARY KEY, "Group" TEXT)'], column: 'Group' },
  {
    rule: 'name_needs_quotes',
    sql: ['CREATE TABLE seen (id INTEGER PRIMARY KEY, "first name" TEXT)'],
    column: 'first name',
  },
  { rule: 'column_without_type', sql: ['CREATE TABLE seen (id INTEGER PRIMARY KEY, colour)'], column: 'colour' },
  { rule: 'misleading_type', sql: ['CREATE TABLE seen (id INTEGER PRIMARY KEY, code STRING)'], column: 'code' },
  { rule: 'misleading_type', sql: ['CREATE TABLE seen (id INTEGER PRIMARY KEY, place POINT)'], column: 'place' },
  { rule: 'broken_view', sql: ['CREATE VIEW v1 AS SELECT gone FROM nowhere'], table: 'v1', says: 'nowhere' },
]
