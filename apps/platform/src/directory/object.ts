import { DurableObject } from 'cloudflare:workers'
import type { Api, Output } from '@persql/contract'
import { now } from '../clock.ts'
import type { Env } from '../env.ts'
import { migrate } from '../storage/migrate.ts'

/** Which namespaces this instance has. One object for all. */
export class Directory extends DurableObject<Env> {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env)
    migrate(ctx.storage, [
      {
        name: 'namespaces',
        sql: 'CREATE TABLE namespace (slug TEXT PRIMARY KEY, id TEXT NOT NULL, created_at INTEGER NOT NULL) STRICT',
      },
    ])
  }

  /** Whether there is such a namespace: asked before its object is, because asking an object makes it a file. */
  has(slug: string): boolean {
    return [...this.ctx.storage.sql.exec('SELECT 1 FROM namespace WHERE slug = ?', slug)].length > 0
  }

  add(slug: string, id: string): void {
    this.ctx.storage.sql.exec('INSERT INTO namespace VALUES (?, ?, ?) ON CONFLICT DO NOTHING', slug, id, now())
  }

  list(): Output<Api['list_namespaces']> {
    return [...this.ctx.storage.sql.exec('SELECT slug, id, created_at FROM namespace ORDER BY slug')].map((row) => ({
      id: row.id as string,
      slug: row.slug as string,
      createdAt: new Date(row.created_at as number).toISOString(),
    }))
  }
}
