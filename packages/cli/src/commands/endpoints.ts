import type { Endpoint } from '@persql/sdk'
import { confirm } from '../ask.ts'
import { type Command, command, database, yes } from '../command.ts'
import { fields, listing } from '../render.ts'
import { object, textOf } from '../values.ts'

const slug = { help: 'The name of the endpoint' } as const
const file = { help: 'The spec as JSON; - is stdin', short: 'f', value: 'file', file: true } as const
const told = ({ slug, status, version, url }: Endpoint) => `${slug} is ${status} (version ${version}): ${url}`

const spec = async (name: string) => object('The spec', await textOf(name))

const list = command({
  path: 'endpoint list',
  summary: 'List the public endpoints of a database',
  args: { database },
  async run(ctx, { args }) {
    const json = await (await ctx.database(args.database)).endpoints.list()
    return { json, text: listing(json, ['slug', 'name', 'status', 'version', 'url'], 'No endpoints.') }
  },
})

const get = command({
  path: 'endpoint get',
  summary: 'Show an endpoint and its spec',
  args: { database, slug },
  async run(ctx, { args }) {
    const json = await (await ctx.database(args.database)).endpoints.get(args.slug)
    return { json, text: `${told(json)}\n${JSON.stringify(json.spec, null, 2)}` }
  },
})

const create = command({
  path: 'endpoint create',
  summary: 'Save an endpoint as a draft',
  args: { database },
  options: { file },
  examples: ['persql endpoint create acme/main -f people.json'],
  async run(ctx, { args, options }) {
    const given = (await spec(options.file ?? '-')) as { slug: string; name: string; kind: string }
    const json = await (await ctx.database(args.database)).endpoints.create(given)
    return { json, text: told(json) }
  },
})

const update = command({
  path: 'endpoint update',
  summary: 'Change some fields of an endpoint: a new version',
  args: { database, slug },
  options: { file },
  async run(ctx, { args, options }) {
    const changes = await spec(options.file ?? '-')
    const json = await (await ctx.database(args.database)).endpoints.update(args.slug, changes)
    return { json, text: told(json) }
  },
})

const publish = command({
  path: 'endpoint publish',
  summary: 'Publish an endpoint, or go back to an earlier version and publish that',
  args: { database, slug },
  options: { version: { help: 'The version to go back to', value: 'number' } },
  async run(ctx, { args, options }) {
    const version = options.version === undefined ? undefined : Number(options.version)
    const json = await (await ctx.database(args.database)).endpoints.publish(args.slug, { version })
    return { json, text: told(json) }
  },
})

const pause = command({
  path: 'endpoint pause',
  summary: 'Pause an endpoint: from then on it is not found',
  args: { database, slug },
  async run(ctx, { args }) {
    const json = await (await ctx.database(args.database)).endpoints.pause(args.slug)
    return { json, text: told(json) }
  },
})

const remove = command({
  path: 'endpoint delete',
  summary: 'Delete an endpoint with its versions',
  args: { database, slug },
  options: { yes },
  async run(ctx, { args, options }) {
    await confirm(ctx, `Whatever calls ${args.slug} stops working.`, args.slug, options.yes)
    return {
      json: await (await ctx.database(args.database)).endpoints.delete(args.slug),
      text: `Deleted ${args.slug}.`,
    }
  },
})

const attempt = command({
  path: 'endpoint try',
  summary: 'Call an endpoint, published or not, with sample input; what it writes is undone',
  args: { database, slug },
  options: {
    input: { help: 'The input as a JSON object', value: 'json' },
    changes: { help: 'Changes of the spec to try, as JSON; - is stdin', value: 'file', file: true },
  },
  examples: [`persql endpoint try acme/main people --input '{"id": 1}'`],
  async run(ctx, { args, options }) {
    const [ns, db] = await ctx.address(args.database)
    const body = {
      input: object('--input', options.input ?? '{}'),
      ...(options.changes !== undefined && { changes: await spec(options.changes) }),
    }
    const path = `/v1/db/${ns}/${db}/endpoints/${encodeURIComponent(args.slug)}/try`
    const json = await (await ctx.persql()).request<{ status: number; body: unknown }>('POST', path, body)
    const { body: answered, ...rest } = json
    return { json, text: `${fields(rest)}\n${JSON.stringify(answered, null, 2)}` }
  },
})

export const endpointCommands: Command[] = [list, get, create, update, publish, pause, remove, attempt]
