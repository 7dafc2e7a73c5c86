import { availableParallelism } from 'node:os'
import { describe, expect, test } from 'vitest'
import { readSettings, SettingsError } from './settings.ts'

describe('settings', () => {
  test('are optional', () => {
    expect(readSettings({ PERSQL_DATA: '/data' })).toEqual({
      PORT: 8787,
      HOST: '127.0.0.1',
      PERSQL_DATA: '/data',
      PERSQL_URL: undefined,
      PERSQL_BOOTSTRAP: { namespace: 'acme', database: 'main' },
      PERSQL_WELCOME_CREDIT_USD: '5',
      PERSQL_WELCOME_CREDIT: 'person',
      PERSQL_MAX_NAMESPACES: 10,
      PERSQL_QUOTA_DATABASES: 10_000,
      PERSQL_QUOTA_NAMESPACE_BYTES: 100e9,
      PERSQL_QUOTA_DATABASE_BYTES: 10e9,
      PERSQL_QUOTA_SNAPSHOTS: 50,
      PERSQL_QUOTA_SUBSCRIPTIONS: 5_000,
      PERSQL_QUOTA_REPLAY_BYTES: 256e6,
      PERSQL_QUOTA_EXPORTS: 2,
      PERSQL_QUOTA_IMPORTS: 4,
      PERSQL_SECRET: undefined,
      FLOOD_PER_MINUTE: 60_000,
      TRUSTED_PROXIES: '',
      PERSQL_SIGNUP: 'open',
      OTEL_SERVICE_NAME: 'persql',
      OTEL_TRACES_SAMPLER_ARG: '1',
      PERSQL_PACKAGES: 'self',
      QUERY_TIMEOUT_S: 30,
      PERSQL_CELLS: 1,
      PERSQL_READERS: Math.min(64, Math.max(2, availableParallelism())),
      PERSQL_BACKUP_EVERY: '1m',
      PERSQL_BACKUP_KEEP: '24h,7d,4w',
      BODY_TIMEOUT_S: 30,
      IMPORT_MAX_MB: 1024,
    })
  })

  test('count as unset when empty', () => {
    const { PORT, PERSQL_SECRET } = readSettings({ PORT: '', PERSQL_SECRET: ' ' })
    expect([PORT, PERSQL_SECRET]).toEqual([8787, undefined])
  })

  test.each([
    ['PORT', '65535', 65_535],
    ['PERSQL_BACKUP', '/mnt/backup/', '/mnt/backup'],
    ['PERSQL_BACKUP', 's3://bucket/prefix', 's3://bucket/prefix'],
    ['PERSQL_BACKUP_EVERY', '15m', '15m'],
    ['PERSQL_BACKUP_KEEP', '7d', '7d'],
    ['PORT', ' 0 ', 0],
    ['HOST', '::1', '::1'],
    ['HOST', 'localhost', 'localhost'],
    ['PERSQL_URL', 'https://sql.example.com/', 'https://sql.example.com'],
    ['PERSQL_URL', 'HTTP://SQL.example.com:80', 'http://sql.example.com'],
    ['PERSQL_URL', 'https://[2001:db8::1]:8443/', 'https://[2001:db8::1]:8443'],
    ['PERSQL_BOOTSTRAP', 'off', 'off'],
    ['PERSQL_BOOTSTRAP', 'a/b-1', { namespace: 'a', database: 'b-1' }],
    ['PERSQL_WELCOME_CREDIT_USD', '0.000000001', '0.000000001'],
    ['PERSQL_WELCOME_CREDIT', 'namespace', 'namespace'],
    ['PERSQL_MAX_NAMESPACES', '1', 1],
    ['PERSQL_QUOTA_DATABASES', '0', 0],
    ['PERSQL_QUOTA_DATABASE_BYTES', '1.5 GB', 1_500_000_000],
    ['TRUSTED_PROXIES', '10.0.0.0/8, 2001:db8::/32 ,192.0.2.7', '10.0.0.0/8,2001:db8::/32,192.0.2.7'],
    ['TRUSTED_PROXIES', '::1,fd00::/8,::ffff:10.0.0.0/104', '::1,fd00::/8,::ffff:10.0.0.0/104'],
    ['LOG_FORMAT', 'text', 'text'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'http://127.0.0.1:4318/', 'http://127.0.0.1:4318'],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'authorization=Bearer%20a.b=,x-t=1', 'authorization=Bearer%20a.b=,x-t=1'],
    ['OTEL_TRACES_SAMPLER_ARG', '0.05', '0.05'],
    ['QUERY_TIMEOUT_S', '1', 1],
    ['PERSQL_CELLS', '64', 64],
    ['PERSQL_READERS', '0', 0],
  ])('%s accepts "%s"', (name, text, value) => {
    expect(readSettings({ [name]: text })).toMatchObject({ [name]: value })
  })

  test.each([
    ['PORT', '65536'],
    ['PERSQL_BACKUP', 'ftp://backup.example.com'],
    ['PERSQL_BACKUP_EVERY', '1 minute'],
    ['PERSQL_BACKUP_KEEP', '24'],
    ['PERSQL_BACKUP_PASSPHRASE_FILE', '/no/such/file'],
    ['PORT', '80a'],
    ['PORT', '-1'],
    ['PORT', '1e3'],
    ['HOST', 'a b'],
    ['PERSQL_URL', 'sql.example.com'],
    ['PERSQL_URL', 'ftp://example.com'],
    ['PERSQL_URL', 'https://example.com/?a=1'],
    ['PERSQL_URL', 'https://user@example.com'],
    ['PERSQL_URL', 'https://:password@example.com'],
    ['PERSQL_URL', 'https://@example.com'],
    ['PERSQL_URL', 'https://example.com/sql'],
    ['PERSQL_URL', 'https://example.com/sql/'],
    ['PERSQL_URL', 'https://example.com/?'],
    ['PERSQL_URL', 'https://example.com#'],
    ['PERSQL_URL', 'https://example.com/#top'],
    ['PERSQL_URL', 'ws://example.com'],
    ['PERSQL_URL', 'file:///srv/persql'],
    ['PERSQL_URL', 'localhost:8787'],
    ['PERSQL_URL', 'https://'],
    ['PERSQL_BOOTSTRAP', 'acme'],
    ['PERSQL_BOOTSTRAP', 'Acme/main'],
    ['PERSQL_BOOTSTRAP', 'acme/main/x'],
    ['PERSQL_WELCOME_CREDIT_USD', '-5'],
    ['PERSQL_WELCOME_CREDIT_USD', '$5'],
    ['PERSQL_WELCOME_CREDIT_USD', '0.0000000001'],
    ['PERSQL_WELCOME_CREDIT_USD', '1000001'],
    ['PERSQL_WELCOME_CREDIT', 'account'],
    ['PERSQL_MAX_NAMESPACES', '0'],
    ['PERSQL_MAX_NAMESPACES', '1.5'],
    ['PERSQL_QUOTA_DATABASES', '1.5'],
    ['PERSQL_QUOTA_DATABASES', '1 GB'],
    ['PERSQL_SECRET', 'short'],
    ['PERSQL_SECRET', 'with spaces in the middle'],
    ['CLOUDFLARE_ZONE_ID', 'example.com'],
    ['DNS_RESOLVER_URL', '1.1.1.1'],
    ['LOG_FORMAT', 'color'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', '127.0.0.1:4318'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'http://user:password@127.0.0.1:4318'],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'authorization'],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'a=1,b=%zz'],
    ['OTEL_TRACES_SAMPLER_ARG', '1.5'],
    ['OTEL_TRACES_SAMPLER_ARG', 'all'],
    ['FLOOD_PER_MINUTE', '0'],
    ['TRUSTED_PROXIES', '10.0.0.0/33'],
    ['TRUSTED_PROXIES', '10.0.0.1,,10.0.0.2'],
    ['TRUSTED_PROXIES', 'proxy.example.com'],
    ['TRUSTED_PROXIES', 'fd00::/129'],
    ['TRUSTED_PROXIES', 'fd00:/8'],
    ['TRUSTED_PROXIES', '::ffff:10.0.0.0/24'],
    ['TRUSTED_PROXIES', '10.0.0.1:8080'],
    ['TRUSTED_PROXIES', '[fd00::1]'],
    ['TRUSTED_PROXIES', 'fe80::1%eth0'],
    ['TRUSTED_PROXIES', '010.0.0.1'],
    ['TRUSTED_PROXIES', '10.0.0.0/'],
    ['TRUSTED_PROXIES', '10.0.0.0/8/8'],
    ['TRUSTED_PROXIES', '10.0.0.0 /8'],
    ['TRUSTED_PROXIES', 'loopback'],
    ['QUERY_TIMEOUT_S', '0'],
    ['PERSQL_CELLS', '0'],
    ['PERSQL_CELLS', '65'],
    ['PERSQL_READERS', '65'],
    ['PERSQL_READERS', 'two'],
    ['QUERY_TIMEOUT_S', '1.5'],
    ['BODY_TIMEOUT_S', '0'],
  ])('%s rejects "%s" with a message that names it', (name, text) => {
    expect(() => readSettings({ [name]: text })).toThrow(new RegExp(`^${name} must be .*\\.$`))
  })

  test('cells share the cores: each has fewer readers by default, but at least 2', () => {
    expect(readSettings({ PERSQL_CELLS: '2' }).PERSQL_READERS).toBe(
      Math.min(64, Math.max(2, Math.ceil(availableParallelism() / 2))),
    )
    expect(readSettings({ PERSQL_CELLS: '64' }).PERSQL_READERS).toBe(2)
    expect(readSettings({ PERSQL_CELLS: '64', PERSQL_READERS: '5' }).PERSQL_READERS).toBe(5)
  })

  test('every cell needs a port', () => {
    expect(readSettings({ PERSQL_CELLS: '4', PORT: '65532' }).PORT).toBe(65_532)
    expect(() => readSettings({ PERSQL_CELLS: '4', PORT: '65533' })).toThrow(
      'PORT must be at most 65532: each of the 4 cells has a port.',
    )
  })

  test('errors name every invalid setting and never contain a secret', () => {
    const read = () => readSettings({ PORT: 'x', PERSQL_SECRET: 'tooshort!' })
    expect(read).toThrow(SettingsError)
    expect(read).toThrow(/^PORT .*\nPERSQL_SECRET .*$/)
    expect(read).not.toThrow(/tooshort/)
  })

  test.each([
    [{ SMTP_URL: 'smtp://localhost', PERSQL_URL: 'https://sql.example.com' }, 'MAIL_FROM'],
    [{ RESEND_API_KEY: 're_x', MAIL_FROM: 'a@example.com' }, 'PERSQL_URL'],
    [{ STRIPE_SECRET_KEY: 'sk_x' }, 'STRIPE_WEBHOOK_SECRET'],
    [{ CLOUDFLARE_API_TOKEN: 'x' }, 'CLOUDFLARE_ZONE_ID'],
    [{ CLOUDFLARE_ZONE_ID: '0123456789abcdef0123456789abcdef' }, 'CLOUDFLARE_API_TOKEN'],
    [{ GITHUB_CLIENT_SECRET: 'x' }, 'GITHUB_CLIENT_ID'],
    [{ AI_BASE_URL: 'https://models.example/v1' }, 'AI_MODEL'],
  ])('that require each other are reported together: %j', (given, missing) => {
    expect(() => readSettings(given)).toThrow(new RegExp(`^${missing} is required`))
  })
})
