const FIRST = ['Ada', 'Bo', 'Chidi', 'Dana', 'Emre', 'Freya', 'Goran', 'Hana', 'Ivo', 'Jun', 'Kaya', 'Lena']
const LAST = ['Berg', 'Costa', 'Dahl', 'Eriksen', 'Fischer', 'Garcia', 'Haddad', 'Ito', 'Jansen', 'Kowalski']
const CITIES = ['Berlin', 'Lisbon', 'Oslo', 'Osaka', 'Toronto', 'Nairobi', 'Kraków', 'Santiago']
const GOODS = ['Teapot', 'Lamp', 'Notebook', 'Backpack', 'Kettle', 'Blanket', 'Desk mat', 'Mug', 'Candle', 'Tray']
const KINDS = ['blue', 'oak', 'linen', 'steel', 'walnut']
const STATES = ['paid', 'shipped', 'delivered', 'open', 'refunded']

const at = <T>(list: readonly T[], index: number): T => list[index % list.length] as T
const text = (value: string) => `'${value.replaceAll("'", "''")}'`
const row = (...values: (string | number | null)[]) =>
  `(${values.map((value) => (typeof value === 'string' ? text(value) : (value ?? 'NULL'))).join(', ')})`
const moment = (n: number) =>
  new Date(Date.UTC(2026, 0, 5, 8) + n * 7_013_000).toISOString().slice(0, 19).replace('T', ' ')
const rows = (count: number, make: (n: number) => string) => Array.from({ length: count }, (_, n) => make(n)).join(', ')

const customer = (n: number) => {
  const name = `${at(FIRST, n)} ${at(LAST, n * 3 + Math.floor(n / 12))}`
  const email = `${name.toLowerCase().replace(' ', '.').normalize('NFKD').replace(/\p{M}/gu, '')}${n}@example.com`
  return row(
    n + 1,
    name,
    email,
    at(CITIES, n * 5),
    n % 7 === 0 ? 'Prefers deliveries after 6 pm; the bell is broken, so call first.' : null,
    moment(n),
  )
}
const product = (n: number) =>
  row(
    n + 1,
    `${at(GOODS, n)}, ${at(KINDS, Math.floor(n / 2))}`,
    1900 + ((n * 1370) % 12_000),
    (n * 17) % 140,
    `{"weight_g": ${200 + n * 35}, "tags": ["home", "${at(KINDS, n)}"]}`,
  )

/** The statements that create a small shop with customers, products and orders. They are always the same. */
export const shop: readonly string[] = [
  `CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL UNIQUE, city TEXT, note TEXT,
   created_at TEXT NOT NULL)`,
  `CREATE TABLE products (id INTEGER PRIMARY KEY, name TEXT NOT NULL, price_cents INTEGER NOT NULL CHECK (price_cents > 0),
   stock INTEGER NOT NULL DEFAULT 0, attributes TEXT)`,
  `CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customers (id), status TEXT NOT NULL,
   total_cents INTEGER NOT NULL, placed_at TEXT NOT NULL)`,
  `CREATE TABLE order_items (order_id INTEGER NOT NULL REFERENCES orders (id), product_id INTEGER NOT NULL REFERENCES products (id),
   quantity INTEGER NOT NULL, PRIMARY KEY (order_id, product_id)) WITHOUT ROWID`,
  'CREATE TABLE reviews (id INTEGER PRIMARY KEY, product_id INTEGER NOT NULL REFERENCES products (id), stars INTEGER, body TEXT)',
  'CREATE TABLE payments_processed_by_external_provider (id INTEGER PRIMARY KEY, order_id INTEGER REFERENCES orders (id), amount_cents INTEGER, provider_reference TEXT)',
  'CREATE INDEX orders_by_customer ON orders (customer_id, placed_at)',
  'CREATE VIEW revenue_by_city AS SELECT c.city, count(*) AS orders, sum(o.total_cents) / 100.0 AS revenue FROM orders o JOIN customers c ON c.id = o.customer_id GROUP BY c.city',
  'CREATE VIRTUAL TABLE product_search USING fts5 (name, content=products, content_rowid=id)',
  `INSERT INTO customers VALUES ${rows(240, customer)}`,
  `INSERT INTO products VALUES ${rows(40, product)}`,
  `INSERT INTO orders VALUES ${rows(1500, (n) => row(n + 1, ((n * 37) % 240) + 1, at(STATES, n * n + n), 1900 + ((n * 7919) % 48_000), moment(n)))}`,
  `INSERT INTO order_items VALUES ${rows(1500, (n) => row(n + 1, ((n * 13) % 40) + 1, (n % 4) + 1))}`,
  `INSERT INTO reviews VALUES ${rows(120, (n) => row(n + 1, ((n * 11) % 40) + 1, (n % 5) + 1, at(['Lovely.', 'Arrived late, but worth it.', 'The handle came off after a week.', 'Bought a second one.'], n)))}`,
  `INSERT INTO payments_processed_by_external_provider VALUES ${rows(300, (n) => row(n + 1, n + 1, 1900 + ((n * 7919) % 48_000), `pay_${1_000_000_007 * (n + 3)}`))}`,
  "INSERT INTO product_search (product_search) VALUES ('rebuild')",
]

/** Statements of a typical day; the last one fails, as some always do. */
export const traffic: readonly string[] = [
  ...Array.from(
    { length: 12 },
    (_, n) => `SELECT * FROM orders WHERE customer_id = ${n * 9 + 1} ORDER BY placed_at DESC LIMIT 20`,
  ),
  ...Array.from({ length: 8 }, () => "SELECT count(*), sum(total_cents) FROM orders WHERE status = 'open'"),
  ...Array.from({ length: 5 }, () => 'SELECT * FROM revenue_by_city ORDER BY revenue DESC'),
  "SELECT rowid, name FROM product_search WHERE product_search MATCH 'teapot'",
  "SELECT * FROM reviews WHERE body LIKE '%late%'",
  'UPDATE products SET stock = stock - 1 WHERE id = 7',
]
