import type { Api, Output } from '@persql/contract'
import { derive } from '../authority.ts'
import { now } from '../clock.ts'
import type { Audit } from './audit.ts'
import type { Creation } from './creation.ts'
import type { Databases } from './databases/databases.ts'
import type { IdentityStore } from './identity.ts'
import type { Secret, Tokens } from './tokens/tokens.ts'

/** The services that the operator's setup of a namespace depends on. */
export interface BootstrapOptions {
  readonly identity: IdentityStore
  readonly creation: Creation
  readonly databases: Databases
  readonly tokens: Tokens
  readonly audit: Audit
}

/** Sets up a namespace for the operator. */
export class Bootstrap {
  readonly #options: BootstrapOptions

  constructor(options: BootstrapOptions) {
    this.#options = options
  }

  /**
   * Creates the namespace with its welcome credit, and the database, unless they exist. Always creates an admin token.
   */
  ensure(slug: string, database: string, tokenName: string, secret: Secret): Output<Api['create_namespace']> {
    const { identity, creation, databases, tokens, audit } = this.#options
    const nowMs = now()
    const created = identity.known === undefined
    const { id } = creation.ensure(slug, 'operator', 'granted')
    const isNew = !databases.has(database)
    if (isNew) databases.add(database, database, 'operator', nowMs)
    const authority = derive(null, { role: 'admin' }, tokens.selections)
    const token = tokens.add(secret, { name: tokenName, ...authority, mintedBy: null }, nowMs)
    audit.add('operator', 'token.created', token.id, { name: tokenName, role: 'admin' }, nowMs)
    return { namespace: { id, slug }, database: { slug: database, created: isNew }, token, created }
  }
}
