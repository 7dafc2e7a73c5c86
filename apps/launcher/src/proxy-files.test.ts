import { expect, test } from 'vitest'
import { hashToCell } from '../../platform/src/cell-hash.ts'
import { caddyfile, haproxyConfig } from './proxy-files.ts'

const addresses = ['127.0.0.1:8787', '127.0.0.1:8788', '127.0.0.1:8789']

test('HAProxy computes the cell from the path or the token, and spreads other requests', () => {
  const config = haproxyConfig(addresses, '/data/run/hostnames.map')
  expect(config).toContain('var(txn.ns),crc32,mod(3)')
  expect(config).toContain('req.hdr(host),field(1,:),lower,map_str("/data/run/hostnames.map")')
  for (const [cell, address] of addresses.entries()) {
    expect(config).toContain(`backend cell_${cell}\n\tserver cell_${cell} ${address}\n`)
    expect(config).toContain(`\tserver cell_${cell} ${address} check\n`)
  }
})

test('Caddy gets the cell of each namespace and hostname, and spreads other requests', () => {
  const config = caddyfile(addresses, {
    namespaces: ['acme', 'my-db'],
    hostnames: [{ hostname: 'api.example.com', namespace: 'acme' }],
  })
  expect(config).toContain('map {host} {hosted} {\n\t\t\tapi.example.com acme\n\t\t\tdefault none\n\t\t}')
  expect(config).toContain(
    `map {vars.ns} {cell} {\n\t\t\tacme ${hashToCell('acme', 3)}\n\t\t\tmy-db ${hashToCell('my-db', 3)}\n\t\t\tdefault any\n\t\t}`,
  )
  for (const [cell, address] of addresses.entries()) {
    expect(config).toContain(`@cell_${cell} vars {cell} ${cell}\n\t\treverse_proxy @cell_${cell} ${address}\n`)
  }
  expect(config).toContain(`reverse_proxy ${addresses.join(' ')} {`)
})
