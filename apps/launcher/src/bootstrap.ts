import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod'

const Bootstrap = z.object({ url: z.string(), namespace: z.string(), database: z.string(), token: z.string() })

/** What `bootstrap.json` holds: enough for a script to make its first request. */
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
  /** Where this machine reaches the platform. */
  localUrl: string
  /** Where others do; what the file says. */
  url: string
  secret: string
  namespace: string
  database: string
}

/**
 * The contents of `<data>/bootstrap.json`. Where the file is missing, makes namespace and database if need be, mints an
 * admin token and writes it, mode 600. An existing file is kept, with its `url` brought up to date.
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
    throw new Error(`${file} cannot be read. Repair it, or remove it to have a new token made.`, { cause })
  }
}

async function provision({ localUrl, url, secret, namespace, database }: BootstrapOptions): Promise<Bootstrap> {
  const response = await fetch(`${localUrl}/api/operator/namespaces`, {
    method: 'POST',
    headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
    body: JSON.stringify({ slug: namespace, database, tokenName: 'bootstrap' }),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${namespace}/${database} could not be made: ${response.status} ${text}`)
  const { data } = Provisioned.parse(JSON.parse(text))
  return { url, namespace: data.namespace.slug, database: data.database.slug, token: data.token.token }
}
