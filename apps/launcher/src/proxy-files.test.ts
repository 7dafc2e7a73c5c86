import { expect, test } from 'vitest'
import { caddyfile, haproxyConfig } from './proxy-files.ts'

const addresses = ['127.0.0.1:8787', '127.0.0.1:8788', '127.0.0.1:8789']

test('HAProxy computes the cell from the path or the token, and spreads other requests', () => {
  const config = haproxyConfig(addresses)
  expect(config).toContain('var(txn.ns),crc32,mod(3)')
  for (const [cell, address] of addresses.entries()) {
    expect(config).toContain(`backend cell_${cell}\n\tserver cell_${cell} ${address}\n`)
    expect(config).toContain(`\tserver cell_${cell} ${address} check\n`)
  }
})

test('Caddy gets the namespaces of each cell, and spreads other requests', () => {
  const config = caddyfile(addresses, [['acme', 'b'], [], ['my-db']])
  expect(config).toContain('map {vars.ns} {cell} {\n\t\t\tacme 0\n\t\t\tb 0\n\t\t\tmy-db 2\n\t\t\tdefault any\n\t\t}')
  for (const [cell, address] of addresses.entries()) {
    expect(config).toContain(`@cell_${cell} vars {cell} ${cell}\n\t\treverse_proxy @cell_${cell} ${address}\n`)
  }
  expect(config).toContain(`reverse_proxy ${addresses.join(' ')} {`)
})
