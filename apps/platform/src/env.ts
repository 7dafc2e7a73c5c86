import type { Database } from './database/object.ts'
import type { Directory } from './directory/object.ts'
import type { Namespace } from './namespace/object.ts'

/** What the runtime binds. Texts are settings as the operator wrote them; `settings.ts` gives them their meaning. */
export interface Env {
  readonly DATABASES: DurableObjectNamespace<Database>
  readonly NAMESPACES: DurableObjectNamespace<Namespace>
  readonly DIRECTORY: DurableObjectNamespace<Directory>
  readonly PERSQL_RUNTIME?: string
  readonly PERSQL_URL?: string
  readonly PERSQL_SECRET?: string
  readonly PERSQL_WELCOME_CREDIT_USD?: string
  readonly FLOOD_PER_MINUTE?: string
  readonly TRUSTED_PROXIES?: string
  readonly QUERY_TIMEOUT_S?: string
}
