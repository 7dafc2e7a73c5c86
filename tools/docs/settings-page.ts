import { listSettings } from '../../apps/launcher/src/settings.ts'
import { formatTable } from './table.ts'

const INTRO = `# Settings

All settings of an instance on one machine. The names, defaults and accepted values are generated from the declarations that
the launcher runs on.

Settings come from the environment, or from the file \`.env\` in the folder where PerSQL is started; the environment takes
precedence. All settings are optional. An empty variable counts as unset. If a setting is invalid, PerSQL doesn't start,
and prints one sentence for each invalid setting. On Cloudflare, settings are variables and secrets of the
[Worker](../deploy/cloudflare.md).
`

const OTHERS = [
  ['Variable', 'Used by'],
  ['`AWS_…`', 'backups to S3-compatible storage: see [backups](../self-hosting/backup.md#s3-compatible-storage)'],
  ['`NO_COLOR`', 'the log and the commands: any value turns colors off'],
  [
    '`PERSQL_TOKEN`, `PERSQL_API_URL`',
    'the [SDK](sdk/client.md#persqloptions) and the [command line](../cli.md), which are clients of an instance',
  ],
  ['`PERSQL_DATABASE`, `PERSQL_PROFILE`', 'the [command line](../cli.md)'],
]

/** A part of the page: the meaning of each setting, and its default if it isn't a fixed value. */
interface Part {
  readonly title: string
  readonly settings: Readonly<Record<string, string | readonly [meaning: string, preset: string]>>
}

const parts: readonly Part[] = [
  {
    title: 'Server',
    settings: {
      PORT: 'the port to listen on; with [cells](../self-hosting/cells.md), the first of several',
      HOST: 'the IP address or hostname to listen on',
      PERSQL_DATA: 'the [data folder](../self-hosting/index.md#the-data-folder)',
      PERSQL_URL: ['the public URL of the instance', '`http://<HOST>:<PORT>`'],
      TRUSTED_PROXIES: 'proxies whose `X-Forwarded-For`, or else `Forwarded`, is trusted',
      PERSQL_SECRET: ['the operator secret', 'created at the first start'],
      PERSQL_BOOTSTRAP: 'the namespace and database created at the first start; `off` for none',
      PERSQL_CELLS:
        "processes that share the namespaces: see [cells](../self-hosting/cells.md). Can't be changed after the first start",
      PERSQL_READERS: [
        'reader processes of each cell for [long reads](../concepts/databases.md#long-reads); `0` runs all reads in place',
        'the number of CPU cores divided by `PERSQL_CELLS`, at least 2; `0` on Windows',
      ],
      NODE_EXTRA_CA_CERTS: 'certificates to trust in addition',
      PERSQL_DEV: '`1` enables `/api/dev/*` for the operator: mail outbox and clock. For development only',
    },
  },
  {
    title: 'Accounts and namespaces',
    settings: {
      PERSQL_SIGNUP: 'who can sign up: anyone (`open`), invited users (`invite`) or no one (`off`)',
      PERSQL_WELCOME_CREDIT_USD: 'amount of the [welcome credit](../concepts/billing.md#welcome-credit)',
      PERSQL_WELCOME_CREDIT:
        "who gets the welcome credit: each `person` once, or every `namespace`. The operator's namespaces always get it",
      PERSQL_MAX_NAMESPACES: 'namespaces that one account can create',
      PERSQL_PACKAGES:
        'where users install the [client packages](../self-hosting/packages.md) from: this instance (`self`) or the npm registry (`npm`)',
    },
  },
  {
    title: 'Limits',
    settings: {
      PERSQL_QUOTA_DATABASES: '[quota](limits.md#quotas) `databases`',
      PERSQL_QUOTA_NAMESPACE_BYTES: ['quota `namespace_bytes`', '`100GB`'],
      PERSQL_QUOTA_DATABASE_BYTES: ['quota `database_bytes`', '`10GB`'],
      PERSQL_QUOTA_SNAPSHOTS: 'quota `snapshots`',
      PERSQL_QUOTA_SUBSCRIPTIONS: 'quota `subscriptions`',
      PERSQL_QUOTA_REPLAY_BYTES: ['quota `replay_bytes`', '`256MB`'],
      PERSQL_QUOTA_EXPORTS: 'quota `exports`',
      PERSQL_QUOTA_IMPORTS: 'quota `imports`',
      FLOOD_PER_MINUTE:
        'requests per client IP address and minute at each cell; further requests get 429 with `Retry-After`. An IPv6 /64 counts as one client',
      QUERY_TIMEOUT_S: 'seconds after which a statement is stopped',
      BODY_TIMEOUT_S:
        "seconds without data after which a request fails with 408; a body that isn't an import can take 10 times that in total",
      IMPORT_MAX_MB: 'largest imported file, in MB; as a form field, 50 MB is the maximum',
      PERSQL_DISK_RESERVE_MB: [
        'MB of free disk space below which [writes are refused](../self-hosting/monitoring.md#a-full-disk); `0` refuses none',
        '10% of the disk, at most 1 GB',
      ],
    },
  },
  {
    title: 'Backups',
    settings: {
      PERSQL_BACKUP:
        'the target of [continuous backups](../self-hosting/backup.md#back-up-continuously): a folder, or `s3://bucket/prefix`',
      PERSQL_BACKUP_EVERY: 'the time between the starts of two backups',
      PERSQL_BACKUP_KEEP: 'the [backups to keep](../self-hosting/backup.md#delete-old-backups)',
      PERSQL_BACKUP_PASSPHRASE_FILE:
        'a file with the passphrase that [encrypts](../self-hosting/backup.md#encrypt-backups) the backups',
    },
  },
  {
    title: 'Log and traces',
    settings: {
      LOG_FORMAT: ['the format of the [log](../self-hosting/monitoring.md#logs)', '`text` in a terminal, else `json`'],
      OTEL_EXPORTER_OTLP_ENDPOINT:
        'the URL of an OpenTelemetry collector, which gets [traces](../self-hosting/monitoring.md#traces)',
      OTEL_EXPORTER_OTLP_HEADERS: 'headers for the collector, such as `authorization=Bearer%20…`, separated by commas',
      OTEL_SERVICE_NAME: 'the name of this instance in traces',
      OTEL_TRACES_SAMPLER_ARG: "the share of requests that are traced, if the caller doesn't decide",
    },
  },
  {
    title: 'Mail, payments and other services',
    settings: {
      SMTP_URL: '[mail](../self-hosting/mail-payments-ai.md#mail) by SMTP',
      RESEND_API_KEY: 'mail by Resend',
      RESEND_API_URL: ['a test server instead of Resend', '`https://api.resend.com`'],
      MAIL_FROM: 'the sender of mail',
      STRIPE_SECRET_KEY: '[payments](../self-hosting/mail-payments-ai.md#payments)',
      STRIPE_WEBHOOK_SECRET: 'the signing secret of the webhook that Stripe calls',
      STRIPE_API_URL: ['a test server instead of Stripe', '`https://api.stripe.com`'],
      AI_BASE_URL: 'the API of the [AI model](../self-hosting/mail-payments-ai.md#ai-model)',
      AI_MODEL: 'the name of the model',
      AI_API_KEY: 'the key of the API of the AI model',
      TURNSTILE_SECRET_KEY: '[captchas](../self-hosting/mail-payments-ai.md#captcha) of endpoints',
      TURNSTILE_URL: ['a test server instead of Turnstile', '`https://challenges.cloudflare.com`'],
      GITHUB_CLIENT_ID: '[sign-in with GitHub](../self-hosting/mail-payments-ai.md#sign-in-with-github-and-google)',
      GITHUB_CLIENT_SECRET: 'the secret of the same OAuth app',
      GOOGLE_CLIENT_ID: '[sign-in with Google](../self-hosting/mail-payments-ai.md#sign-in-with-github-and-google)',
      GOOGLE_CLIENT_SECRET: 'the secret of the same client',
    },
  },
  {
    title: 'Custom hostnames',
    settings: {
      DNS_RESOLVER_URL: [
        'DNS over HTTPS for the TXT records of [hostnames](../guides/custom-hostnames.md)',
        '`https://cloudflare-dns.com/dns-query`',
      ],
      CLOUDFLARE_API_TOKEN: 'certificates of hostnames',
      CLOUDFLARE_ZONE_ID: 'the zone of the certificates',
      CLOUDFLARE_API_URL: ['a test server instead of Cloudflare', '`https://api.cloudflare.com/client/v4`'],
    },
  },
]

/** Returns the page `docs/reference/settings.md`. @throws Error that names a setting without a meaning, or the reverse */
export function formatSettingsPage(): string {
  const settings = new Map(listSettings().map((setting) => [setting.name, setting]))
  const described = parts.flatMap((part) => Object.keys(part.settings))
  const names = [...new Set([...settings.keys(), ...described])]
  const wrong = names.filter((name) => !settings.has(name) || described.filter((each) => each === name).length !== 1)
  if (wrong.length > 0)
    throw new Error(`Describe each setting once in tools/docs/settings-page.ts: ${wrong.join(', ')}.`)
  const sections = parts.map((part) => {
    const rows = Object.entries(part.settings).map(([name, text]) => {
      const { preset, what = '' } = settings.get(name) ?? {}
      const [meaning, words = preset ? `\`${preset}\`` : 'none'] = typeof text === 'string' ? [text] : text
      return [`\`${name}\``, words, meaning, toCell(what)]
    })
    return `## ${part.title}\n\n${formatTable([['Variable', 'Default', 'Meaning', 'Value'], ...rows])}\n`
  })
  return [INTRO, ...sections, `## Other variables\n\n${formatTable(OTHERS)}\n`].join('\n')
}

const toCell = (text: string) => text.replaceAll('<', '&lt;').replaceAll('|', '\\|')
