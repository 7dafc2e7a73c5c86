import { quotaNames, toQuotaSetting } from '../../../packages/contract/src/quota-limits.ts'
import { platformModules } from './built-files.ts'

/**
 * V8 flags. A small heap is collected often, so native objects of finished requests never add up to a pause of 100 ms.
 * bench/TAIL.md has measurements.
 */
const v8Flags: readonly string[] = ['--optimize-for-size', '--initial-heap-size=4', '--max-semi-space-size=4']

/** Settings that the launcher passes to the Worker unchanged. */
export const FORWARDED_SETTINGS = [
  'PERSQL_URL',
  'PERSQL_WELCOME_CREDIT_USD',
  'PERSQL_WELCOME_CREDIT',
  'PERSQL_MAX_NAMESPACES',
  ...quotaNames.map(toQuotaSetting),
  'PERSQL_SIGNUP',
  'PERSQL_PACKAGES',
  'PERSQL_DEV',
  'FLOOD_PER_MINUTE',
  'TRUSTED_PROXIES',
  'QUERY_TIMEOUT_S',
  'BODY_TIMEOUT_S',
  'IMPORT_MAX_MB',
  'OTEL_EXPORTER_OTLP_ENDPOINT',
  'OTEL_EXPORTER_OTLP_HEADERS',
  'OTEL_SERVICE_NAME',
  'OTEL_TRACES_SAMPLER_ARG',
  'STRIPE_SECRET_KEY',
  'STRIPE_WEBHOOK_SECRET',
  'STRIPE_API_URL',
  'SMTP_URL',
  'RESEND_API_KEY',
  'RESEND_API_URL',
  'MAIL_FROM',
  'AI_BASE_URL',
  'AI_API_KEY',
  'AI_MODEL',
  'TURNSTILE_SECRET_KEY',
  'TURNSTILE_URL',
  'DNS_RESOLVER_URL',
  'CLOUDFLARE_API_TOKEN',
  'CLOUDFLARE_ZONE_ID',
  'CLOUDFLARE_API_URL',
  'GITHUB_CLIENT_ID',
  'GITHUB_CLIENT_SECRET',
  'GOOGLE_CLIENT_ID',
  'GOOGLE_CLIENT_SECRET',
] as const

/** Text bindings from workerd's own environment, so no secret is written to disk. Unset ones are `null`. */
const environmentBindings = [
  ...FORWARDED_SETTINGS,
  'PERSQL_RUNTIME',
  'PERSQL_SECRET',
  /** The format of the request log, which depends on the launcher's output. */
  'LOG_FORMAT',
  /** The key of the process that hashes passwords. */
  'PERSQL_HASHING_KEY',
  /** For tests, which would take a minute to exceed the default limit. */
  'TRANSACTION_TIMEOUT_S',
  /** The namespace that the first account owns; set only if just the users of this machine can reach the instance. */
  'PERSQL_FIRST_OWNS',
  /** The namespaces whose long writes are refused, because they caused several restarts, with the end of that in JSON. */
  'PERSQL_LONG_WRITES_REFUSED',
  /** Identifies the restore that filled the data folder, until all namespaces are reconciled. */
  'PERSQL_RESTORE',
  'PERSQL_READERS',
  /** The number of cells, the own one, and the key with which cells call each other. Unset if there is one cell. */
  'PERSQL_CELLS',
  'PERSQL_CELL',
  'PERSQL_CELL_KEY',
] as const

const objects = [
  { binding: 'DATABASES', className: 'Database', uniqueKey: 'database' },
  { binding: 'NAMESPACES', className: 'Namespace', uniqueKey: 'namespace' },
  { binding: 'DIRECTORY', className: 'Directory', uniqueKey: 'directory' },
] as const

/** The environment of the Worker. */
export type PlatformEnvironment = Partial<Record<(typeof environmentBindings)[number], string>>

/** Options of the configuration. */
export interface ConfigOptions {
  /** Certificates in PEM that are trusted in addition to those of browsers. */
  readonly trustedCertificates?: string | undefined
  /** The number of cells, which are processes that share the namespaces. Default: 1. */
  readonly cells?: number
  /** The number of reader processes of each cell. */
  readonly readers?: number
  /** The address of the process that hashes passwords. Without one, the Worker hashes them itself. */
  readonly hashingAddress?: string | undefined
  /** The address of the service that runs VACUUM. Without one, files never shrink. */
  readonly vacuumAddress?: string | undefined
}

/** The date of the runtime's behavior. */
const compatibilityDate = '2026-10-01'

/** Returns the socket of a reader, relative to the data folder: an absolute path can be too long for a socket. */
export const readerSocket = (index: number, cell = 0): string =>
  cell === 0 ? `unix:run/reader-${index}.sock` : `unix:run/cell-${cell}-reader-${index}.sock`

/** Returns the socket at which a cell serves the others. */
export const cellSocket = (cell: number): string => `unix:run/cells/${cell}.sock`

/** A CONNECT request for this host starts a connection for calls between cells. */
const cellHost = 'cell'

/**
 * Returns workerd's configuration for a cell, which is stored next to `platform.mjs`. The command line sets the address
 * (`--socket-addr=http=…`), the folder of the objects (`--directory-path=disk=…`), and the folders of the console, the
 * documentation, client packages and large results.
 */
export function workerdConfig(
  { trustedCertificates = '', cells = 1, readers = 0, hashingAddress, vacuumAddress }: ConfigOptions = {},
  cell = 0,
): string {
  const forCells = `capnpConnectHost = "${cellHost}"`
  const trusted = trustedCertificates && `, trustedCertificates = [${JSON.stringify(trustedCertificates)}]`
  const others = [
    ...Array.from({ length: readers }, (_, index) => [`READER_${index}`, readerSocket(index, cell), ''] as const),
    ...(hashingAddress ? [['HASHING', hashingAddress, ''] as const] : []),
    ...(vacuumAddress ? [['VACUUM', vacuumAddress, ''] as const] : []),
    ...[...Array(cells).keys()]
      .filter((other) => other !== cell)
      .map((other) => [`CELL_${other}`, cellSocket(other), forCells] as const),
  ]
  const sockets = [
    '(name = "http", address = "127.0.0.1:0", http = (), service = "main"),',
    ...(cells > 1
      ? [
          `(name = "cell", address = "${cellSocket(cell)}", http = (${forCells}), service = (name = "main", entrypoint = "Cell")),`,
        ]
      : []),
  ]
  return `using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  v8Flags = [${v8Flags.map((flag) => JSON.stringify(flag)).join(', ')}],
  services = [
    (name = "main", worker = .platform),
    (name = "disk", disk = (writable = true)),
    (name = "console", disk = (writable = false)),
    (name = "docs", disk = (writable = false)),
    (name = "packages", disk = (writable = false)),
    (name = "results", disk = (writable = true)),
    # What the operator names (a mail server, a model) may be on this machine; what a tenant names goes through "public".
    (name = "public", network = (allow = ["public"], tlsOptions = (trustBrowserCas = true${trusted}))),
    (name = "internet", network = (allow = ["public", "private"], tlsOptions = (trustBrowserCas = true${trusted}))),
    ${others.map(([name, address, http]) => `(name = "${name}", external = (address = ${JSON.stringify(address)}, http = (${http}))),`).join('\n    ')}
  ],
  sockets = [
    ${sockets.join('\n    ')}
  ],
);

const platform :Workerd.Worker = (
  modules = [
    (name = "platform.mjs", esModule = embed "platform.mjs"),
    ${platformModules.map((name) => `(name = "${name}", wasm = embed "${name}"),`).join('\n    ')}
  ],
  compatibilityDate = "${compatibilityDate}",
  # Compressing messages of 100 bytes would take 230 KB of memory for each connection. The other is for Cloudflare, where
  # fetch would reach Workers of the own zone; the library for OAuth asks for it by a warning.
  compatibilityFlags = ["no_web_socket_compression", "global_fetch_strictly_public"],
  durableObjectStorage = (localDisk = "disk"),
  durableObjectNamespaces = [
    ${objects.map(({ className, uniqueKey }) => `(className = "${className}", uniqueKey = "${uniqueKey}", enableSql = true),`).join('\n    ')}
  ],
  bindings = [
    (name = "PUBLIC_NETWORK", service = "public"),
    (name = "ASSETS", service = "console"),
    (name = "DOCS", service = "docs"),
    (name = "PACKAGES", service = "packages"),
    (name = "OBJECT_FILES", service = "disk"),
    (name = "RESULTS", service = "results"),
    ${objects.map(({ binding, className }) => `(name = "${binding}", durableObjectNamespace = "${className}"),`).join('\n    ')}
    ${others.map(([name]) => `(name = "${name}", service = "${name}"),`).join('\n    ')}
    ${environmentBindings.map((name) => `(name = "${name}", fromEnvironment = "${name}"),`).join('\n    ')}
  ],
);
`
}

/** Returns the configuration of a reader, which opens the files of databases that the platform's process serves. */
export function readerConfig(): string {
  return `using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  v8Flags = [${v8Flags.map((flag) => JSON.stringify(flag)).join(', ')}],
  services = [
    (name = "main", worker = .reader),
    (name = "disk", disk = (writable = true)),
    (name = "results", disk = (writable = true)),
    (name = "nowhere", network = (allow = [])),
  ],
  sockets = [(name = "http", address = "unix:run/reader.sock", http = (), service = "main")],
);

const reader :Workerd.Worker = (
  modules = [(name = "reader.mjs", esModule = embed "reader.mjs")],
  compatibilityDate = "${compatibilityDate}",
  globalOutbound = "nowhere",
  durableObjectStorage = (localDisk = "disk"),
  durableObjectNamespaces = [(className = "Database", uniqueKey = "database", enableSql = true)],
  bindings = [
    (name = "DATABASES", durableObjectNamespace = "Database"),
    (name = "RESULTS", service = "results"),
    (name = "READER_RUN", fromEnvironment = "READER_RUN"),
  ],
);
`
}
