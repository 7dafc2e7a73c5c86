import { expect, test } from 'vitest'
import { readSettings } from '../../apps/launcher/src/settings.ts'
import { quotas, toQuotaSetting } from '../../packages/contract/src/quota-limits.ts'
import { findFiles, readPage } from './pages.ts'
import { formatSettingsPage } from './settings-page.ts'

test('the page of settings is up to date', async () => {
  // To update it: npm run test:unit -- tools/docs/settings-page.test.ts --update
  await expect(formatSettingsPage()).toMatchFileSnapshot('../../docs/reference/settings.md')
})

test('defaults on the page of settings are the ones of the server', () => {
  const page = formatSettingsPage()
  const rows = [...page.matchAll(/^\| `([A-Z_]+)` +\| `([^`]+)` +\|/gm)].map(([, name = '', text = '']) => ({
    name,
    text,
  }))
  const defaults = readSettings({}) as Readonly<Record<string, unknown>>
  for (const quota of Object.keys(quotas)) {
    const name = toQuotaSetting(quota as keyof typeof quotas)
    const { text = '' } = rows.find((row) => row.name === name) ?? {}
    expect(readSettings({ [name]: text }), name).toMatchObject({ [name]: defaults[name] })
  }
  const services = rows.filter(({ text }) => text.startsWith('https:'))
  const sources = findFiles('apps/platform/src/integrations', /\.ts$/).map(readPage).join('\n')
  expect(services.length).toBeGreaterThan(3)
  for (const { name, text } of services) expect(sources, name).toContain(`'${text}`)
})
