import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod'

const Bootstrap = z.object({ url: z.string(), namespace: z.string(), database: z.string(), token: z.string() })

/** The contents of `bootstrap.json`: everything a script needs for its first request. */
export type Bootstrap = z.infer<typeof Bootstrap>

const Provisioned = z.object({
  data: z.object({
    namespace: z.object({ slug: z.string() }),
    database: z.object({ slug: z.string() }),
    token: z.object({ token: z.string() }),
  }),
})

export interface BootstrapOptions {
  data: string
  /** The URL of the platform from this machine. */
  localUrl: string
  /** The public URL, which is written to the file. */
  url: string
  secret: string
  namespace: string
  database: string
}

/**
 * Returns the contents of `<data>/bootstrap.json`. If the file doesn't exist, creates the namespace, the database and an
 * admin token, and writes the file with mode 600. In an existing file, only `url` is updated.
 */
export async function bootstrap(options: BootstrapOptions): Promise<Bootstrap> {
  const file = join(options.data, 'bootstrap.json')
  const existing = await readBootstrap(file)
  if (existing?.url === options.url) return existing
  const current = { ...(existing ?? (await provision(options))), url: options.url }
  await writeFile(`${file}.new`, `${JSON.stringify(current, null, 2)}\n`, { mode: 0o600 })
  await rename(`${file}.new`, file)
  return current
}

async function readBootstrap(file: string): Promise<Bootstrap | undefined> {
  try {
    return Bootstrap.parse(JSON.parse(await readFile(file, 'utf8')))
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new Error(`Can't read ${file}. Repair it, or delete it to create a new token.`, { cause })
  }
}

async function provision({ localUrl, url, secret, namespace, database }: BootstrapOptions): Promise<Bootstrap> {
  const response = await fetch(`${localUrl}/api/operator/namespaces`, {
    method: 'POST',
    headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
    body: JSON.stringify({ slug: namespace, database, tokenName: 'bootstrap' }),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`Couldn't create ${namespace}/${database}: ${response.status} ${text}`)
  const { data } = Provisioned.parse(JSON.parse(text))
  return { url, namespace: data.namespace.slug, database: data.database.slug, token: data.token.token }
}
