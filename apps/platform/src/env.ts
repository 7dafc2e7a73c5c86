import type { QuotaSettings } from '@persql/contract'
import type { ModelSettings } from './integrations/model.ts'

/** The bindings of the Worker. Strings are settings as the operator wrote them; `settings.ts` parses them. */
export interface Env extends ModelSettings, QuotaSettings {
  /** The Durable Objects. `objects.ts` adds the types of their classes. */
  readonly DATABASES: DurableObjectNamespace
  readonly NAMESPACES: DurableObjectNamespace
  readonly DIRECTORY: DurableObjectNamespace
  /**
   * Reaches public IP addresses only, even if a name resolves to a private one. On Cloudflare, plain `fetch` has this
   * limit.
   */
  readonly PUBLIC_NETWORK?: Fetcher
  /**
   * The files of all objects, on a single machine. Used to delete an object that can't start because its file is
   * damaged.
   */
  readonly OBJECT_FILES?: Fetcher
  /** The process that hashes passwords, on a single machine. Without it, the Worker hashes them itself. */
  readonly HASHING?: Fetcher
  /** The key that the process requires. */
  readonly PERSQL_HASHING_KEY?: string
  /** The launcher's service that runs VACUUM, on a single machine. It requires the instance's secret. */
  readonly VACUUM?: Fetcher
  /** The built files of the console. */
  readonly ASSETS?: Fetcher
  /** The built documentation, or its Markdown files, on a single machine. */
  readonly DOCS?: Fetcher
  /** The client packages, on a single machine. A deployment to Cloudflare has them in its assets. */
  readonly PACKAGES?: Fetcher
  readonly PERSQL_PACKAGES?: string
  readonly PERSQL_RUNTIME?: string
  readonly PERSQL_URL?: string
  readonly PERSQL_SECRET?: string
  readonly PERSQL_WELCOME_CREDIT_USD?: string
  readonly PERSQL_WELCOME_CREDIT?: string
  readonly PERSQL_MAX_NAMESPACES?: string
  readonly FLOOD_PER_MINUTE?: string
  readonly TRUSTED_PROXIES?: string
  readonly QUERY_TIMEOUT_S?: string
  readonly TRANSACTION_TIMEOUT_S?: string
  readonly BODY_TIMEOUT_S?: string
  readonly IMPORT_MAX_MB?: string
  readonly LOG_FORMAT?: string
  readonly OTEL_EXPORTER_OTLP_ENDPOINT?: string
  readonly OTEL_EXPORTER_OTLP_HEADERS?: string
  readonly OTEL_SERVICE_NAME?: string
  readonly OTEL_TRACES_SAMPLER_ARG?: string
  readonly PERSQL_SIGNUP?: string
  readonly PERSQL_DEV?: string
  /** The folder in which readers leave large results, on a single machine. */
  readonly RESULTS?: Fetcher
  /** The number of the bindings `READER_0`, `READER_1` … */
  readonly PERSQL_READERS?: string
  readonly PERSQL_LONG_WRITES_REFUSED?: string
  readonly PERSQL_FIRST_OWNS?: string
  /** Identifies the restore that filled the data folder, until all namespaces are reconciled. */
  readonly PERSQL_RESTORE?: string
  /** The number of cells. The bindings `CELL_0`, `CELL_1` … reach the others. Unset if there is one. */
  readonly PERSQL_CELLS?: string
  /** The cell of this process. */
  readonly PERSQL_CELL?: string
  /** The key that cells require of each other. */
  readonly PERSQL_CELL_KEY?: string
  readonly STRIPE_SECRET_KEY?: string
  readonly STRIPE_WEBHOOK_SECRET?: string
  readonly STRIPE_API_URL?: string
  readonly SMTP_URL?: string
  readonly RESEND_API_KEY?: string
  readonly RESEND_API_URL?: string
  readonly MAIL_FROM?: string
  readonly TURNSTILE_SECRET_KEY?: string
  readonly TURNSTILE_URL?: string
  readonly DNS_RESOLVER_URL?: string
  readonly CLOUDFLARE_API_TOKEN?: string
  readonly CLOUDFLARE_ZONE_ID?: string
  readonly CLOUDFLARE_API_URL?: string
  readonly GITHUB_CLIENT_ID?: string
  readonly GITHUB_CLIENT_SECRET?: string
  readonly GOOGLE_CLIENT_ID?: string
  readonly GOOGLE_CLIENT_SECRET?: string
}
