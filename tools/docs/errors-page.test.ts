import { expect, test } from 'vitest'
import { formatErrorsPage } from './errors-page.ts'

test('the page of errors is up to date', async () => {
  // To update it: npm run test:unit -- tools/docs/errors-page.test.ts --update
  await expect(formatErrorsPage()).toMatchFileSnapshot('../../docs/reference/errors.md')
})
