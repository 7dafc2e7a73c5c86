import { expect, test } from 'vitest'
import { findFaults } from './axe.ts'
import { useConsole } from './use-console.ts'

const { visit } = useConsole()

const PEOPLE = `INSERT INTO people (name, age, about, photo)
  VALUES ('Ada', 36, '{"likes":["engines"]}', X'0102'), ('Grace', 85, NULL, NULL), ('Edsger', 72, '', NULL)`

test('rows are changed together: reviewed as SQL, sent as one transaction, taken back before', async () => {
  const { page, ns, go, sql, complaints, close } = await visit()
  await go(`/${ns}/main/tables`)
  await page.getByRole('heading', { name: 'No tables yet' }).waitFor()
  await sql('CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, age INT, about TEXT, photo BLOB)')
  await sql(PEOPLE)
  await go(`/${ns}/main/tables`)
  await page.getByRole('link', { name: 'people' }).click()
  const grid = page.getByRole('grid', { name: 'Rows of people' })
  await grid.getByText('Ada').first().waitFor()
  expect(await grid.getAttribute('aria-rowcount')).toBe('4')
  await grid.getByText('blob · 2 B').first().waitFor()
  expect(await findFaults(page)).toEqual([])

  // With the keyboard only: edit Ada's age, then delete Grace.
  await grid.focus()
  for (const key of ['ArrowRight', 'ArrowRight', 'Enter']) await page.keyboard.press(key)
  const dialog = page.getByRole('dialog', { name: 'age' })
  await dialog.getByRole('textbox').fill('37')
  expect(await findFaults(page)).toEqual([])
  await page.keyboard.press('Control+Enter')
  await dialog.waitFor({ state: 'detached' })
  await grid.focus()
  for (const key of ['ArrowDown', 'Delete']) await page.keyboard.press(key)
  await page.getByRole('button', { name: 'Review 2 changes' }).waitFor()
  await page.keyboard.press('Control+z')
  await page.getByRole('button', { name: 'Review 1 change' }).waitFor()
  await page.keyboard.press('Delete')

  // For an invalid row, a message appears next to it and nothing is saved.
  await page.getByRole('button', { name: 'Add row' }).click()
  await page.getByLabel('name', { exact: true }).fill('Edsger')
  await page.getByLabel('age', { exact: true }).fill('1')
  await page.getByRole('dialog').getByRole('button', { name: 'Add row' }).click()
  await page.getByRole('button', { name: 'Review 3 changes' }).click()
  const review = page.getByRole('dialog', { name: 'Review changes' })
  await review
    .getByText(`UPDATE "people" SET "age" = 37 WHERE rowid = CAST('1' AS INTEGER) AND "age" IS 36`)
    .first()
    .waitFor()
  expect(await findFaults(page)).toEqual([])
  await review.getByRole('button', { name: 'Save 3 changes' }).click()
  await review
    .getByText(/UNIQUE constraint failed/)
    .first()
    .waitFor()
  expect(await sql('SELECT count(*), sum(age) FROM people')).toEqual([[3, 193]])
  await review.getByRole('button', { name: 'Undo change 3' }).click()
  await review.getByRole('button', { name: 'Save 2 changes' }).click()
  await page.getByText('2 changes saved.').first().waitFor()
  await grid.getByText('37', { exact: true }).first().waitFor()
  expect(await sql('SELECT name, age FROM people ORDER BY id')).toEqual([
    ['Ada', 37],
    ['Edsger', 72],
  ])

  // A change by another user is not overwritten.
  await grid.getByText('Edsger').click()
  await grid.getByText('Edsger').click()
  await page.getByRole('dialog', { name: 'name' }).getByRole('textbox').fill('E. W. Dijkstra')
  await page.keyboard.press('Control+Enter')
  await sql("UPDATE people SET name = 'Dijkstra' WHERE age = 72")
  await page.getByRole('button', { name: 'Review 1 change' }).click()
  await review.getByRole('button', { name: 'Save 1 change' }).click()
  await review
    .getByText(/Someone else changed or deleted this row/)
    .first()
    .waitFor()
  expect(await sql('SELECT name FROM people WHERE age = 72')).toEqual([['Dijkstra']])
  expect(complaints.filter((text) => !/status of 4(00|09)/.test(text))).toEqual([])
  await close()
})

test('order and filters stand in the address, and rows of any key are found', async () => {
  const { page, ns, go, sql, complaints, close } = await visit()
  await sql('CREATE TABLE seats (hall TEXT, seat INT, note TEXT, PRIMARY KEY (hall, seat)) WITHOUT ROWID')
  await sql(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1200)
    INSERT INTO seats SELECT 'h' || (i % 3), i, iif(i % 2, NULL, 'n' || (i % 7)) FROM n`)
  await sql('CREATE TABLE big (v, "a ""b" TEXT)')
  await sql('INSERT INTO big VALUES (9223372036854775807, ?)', ['x'.repeat(5000)])
  await go(`/${ns}/main/tables/seats?sort=-note&where.hall=%3Dh1&where.seat=%3E100`)
  const grid = page.getByRole('grid', { name: 'Rows of seats' })
  await grid.getByText('n6').first().waitFor()
  await grid.focus()
  await page.keyboard.press('Control+ArrowDown')
  await page.getByText('366 rows').first().waitFor()

  const filter = page.getByLabel('Filter by seat')
  await filter.fill('<= 4')
  await page.keyboard.press('Enter')
  await page.getByText('2 rows', { exact: true }).first().waitFor()
  expect(new URL(page.url()).searchParams.get('where.seat')).toBe('<= 4')
  expect(await filter.evaluate((input) => input === document.activeElement)).toBe(true)
  await page.getByRole('button', { name: 'Clear filters' }).click()
  await page.getByText('1,200 rows').first().waitFor()
  expect(new URL(page.url()).search).toBe('?sort=-note')

  await grid.focus()
  await page.keyboard.press('Control+Home')
  for (const key of ['ArrowRight', 'ArrowRight', 'Enter']) await page.keyboard.press(key)
  await page.getByRole('dialog', { name: 'note' }).getByRole('textbox').fill('mine')
  await page.keyboard.press('Control+Enter')
  await page.getByRole('button', { name: 'Review 1 change' }).click()
  await page.getByRole('button', { name: 'Save 1 change' }).click()
  await page.getByText('1 change saved.').first().waitFor()
  expect(await sql("SELECT hall, seat FROM seats WHERE note = 'mine'")).toEqual([['h2', 1196]])

  await go(`/${ns}/main/tables/big`)
  await page.getByText('9223372036854775807').first().waitFor()
  await page.getByText(/^x+…$/).click()
  await page.keyboard.press('Enter')
  const dialog = page.getByRole('dialog', { name: 'a "b' })
  expect(await dialog.getByRole('textbox').inputValue()).toHaveLength(5000)
  await dialog.getByRole('textbox').fill('short')
  await page.keyboard.press('Control+Enter')
  await page.getByRole('button', { name: 'Review 1 change' }).click()
  await page.getByRole('button', { name: 'Save 1 change' }).click()
  await page.getByText('1 change saved.').last().waitFor()
  expect(await sql('SELECT "a ""b", CAST(v AS TEXT) FROM big')).toEqual([['short', '9223372036854775807']])
  expect(complaints).toEqual([])
  await close()
})

test('a hundred thousand rows are scrolled through, and each of them comes once', async () => {
  const { page, ns, go, sql, complaints, close } = await visit()
  await sql('CREATE TABLE many (id INTEGER PRIMARY KEY, name TEXT, at TEXT, amount REAL)')
  await sql(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
    INSERT INTO many SELECT i, 'row ' || i, '2026-11-21', i / 7.0 FROM n`)
  await go(`/${ns}/main/tables/many`)
  await page.getByText('100,000 rows').first().waitFor()
  const asked: string[] = []
  page.on('requestfinished', (request) => {
    if (request.url().endsWith('/query')) asked.push(String(request.postData()))
  })
  const began = Date.now()
  const frames = await page.evaluate(async () => {
    const grid = document.querySelector('[role=grid]') as HTMLElement
    const took: number[] = []
    let before = performance.now()
    while (!grid.textContent?.includes('row 100000')) {
      grid.scrollTop += 2000
      await new Promise(requestAnimationFrame)
      const now = performance.now()
      took.push(now - before)
      before = now
    }
    return took.sort((a, b) => a - b)
  })
  const at = (share: number) => frames[Math.floor(share * (frames.length - 1))]?.toFixed(1)
  console.log(
    `100,000 rows in ${Date.now() - began} ms: ${frames.length} frames, median ${at(0.5)} ms, p95 ${at(0.95)}, p99 ${at(0.99)}, longest ${at(1)}`,
  )
  // On a slow machine, the view can scroll away before a response, which cancels the request.
  expect(asked.length - new Set(asked).size, 'nothing is read twice').toBeLessThanOrEqual(3)
  // A range that was skipped can be requested again from its other end.
  expect(asked.length).toBeLessThanOrEqual(220)
  expect(asked.join()).not.toContain('OFFSET')
  expect(await page.getByRole('row').count()).toBeLessThan(80)
  expect(complaints).toEqual([])
  await close()
})

test('the middle and the end of a table are a jump away, and little is read for it', async () => {
  const { page, ns, go, sql, complaints, close } = await visit()
  const fill = (table: string, key: string) =>
    sql(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
      INSERT INTO ${table} SELECT ${key}, 'row ' || i FROM n`)
  await sql('CREATE TABLE dense (id INTEGER PRIMARY KEY, name TEXT)')
  await sql('CREATE TABLE gaps (id INTEGER PRIMARY KEY, name TEXT)')
  await fill('dense', 'i + 41')
  await fill('gaps', 'i * i')
  const read: Promise<number>[] = []
  page.on('response', (response) => {
    if (response.url().endsWith('/query')) read.push(response.json().then(({ data }) => data.rowsRead))
  })
  const rowsRead = async () => (await Promise.all(read.splice(0))).reduce((sum, rows) => sum + rows, 0)
  for (const [table, most] of [
    ['dense', 2500],
    ['gaps', 12_500],
  ] as const) {
    await go(`/${ns}/main/tables/${table}`)
    const grid = page.getByRole('grid', { name: `Rows of ${table}` })
    await page.getByText('20,000 rows').first().waitFor()
    await grid.focus()
    await page.keyboard.press('Control+ArrowDown')
    await grid.getByText('row 20000', { exact: true }).waitFor()
    await page.keyboard.press('ArrowUp')
    await grid.evaluate((box) => {
      box.scrollTop = 10_000 * 34
    })
    await grid.getByText('row 10001', { exact: true }).waitFor()
    const rowOfText = grid.getByRole('row').filter({ has: page.getByText('row 10001', { exact: true }) })
    expect(await rowOfText.getAttribute('aria-rowindex')).toBe('10002')
    await page.keyboard.press('ArrowUp')
    await grid.getByText('row 19998', { exact: true }).waitFor()
    expect(await grid.getAttribute('aria-activedescendant')).toBeTruthy()
    expect(await findFaults(page)).toEqual([])
    expect(await rowsRead(), table).toBeLessThan(most)
  }
  expect(complaints).toEqual([])
  await close()
})

test('a table of many columns stays where it is in another order, and values keep all their digits', async () => {
  const { page, ns, go, sql, complaints, close } = await visit()
  const names = Array.from({ length: 60 }, (_, n) => `c${n}`)
  await sql(`CREATE TABLE wide (id INTEGER PRIMARY KEY, ${names.join(', ')})`)
  await sql(`INSERT INTO wide (c40, c41) VALUES ('b', '{"big":12345678901234567890}'), ('a', NULL)`)
  await go(`/${ns}/main/tables/wide`)
  const grid = page.getByRole('grid', { name: 'Rows of wide' })
  const left = () => grid.evaluate((box) => box.scrollLeft)
  await grid.evaluate((box) => {
    box.scrollLeft = 4500
  })
  const head = grid.getByRole('columnheader').filter({ has: page.getByLabel('Filter by c40') })
  await head.getByRole('button').click()
  await grid.locator('[aria-sort=ascending]').waitFor()
  await grid.getByRole('row').nth(1).getByText('a', { exact: true }).waitFor()
  expect(await left()).toBe(4500)
  expect(await head.getByRole('button').evaluate((button) => button === document.activeElement)).toBe(true)

  await grid.getByText('{"big"').click()
  await page.keyboard.press('Enter')
  const dialog = page.getByRole('dialog', { name: 'c41' })
  await dialog.getByRole('button', { name: 'Format JSON' }).click()
  expect(await dialog.getByRole('textbox').inputValue()).toBe('{\n  "big": 12345678901234567890\n}')
  expect(complaints).toEqual([])
  await close()
})
