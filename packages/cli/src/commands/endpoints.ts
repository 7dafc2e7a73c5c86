import type { Endpoint } from '@persql/sdk'
import { type Command, command, database, yes } from '../command.ts'
import { fields, listing } from '../format-output.ts'
import { confirm } from '../prompt.ts'
import { object, readText } from '../values.ts'

const slug = { help: 'Endpoint slug' } as const
const file = { help: 'Endpoint spec as JSON; - reads stdin', short: 'f', value: 'file', file: true } as const
const formatEndpoint = ({ slug, status, version, url }: Endpoint) => `${slug} is ${status} (version ${version}): ${url}`

const spec = async (name: string) => object('The spec', await readText(name))

const list = command({
  path: 'endpoint list',
  summary: "List a database's public endpoints",
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
    return { json, text: `${formatEndpoint(json)}\n${JSON.stringify(json.spec, null, 2)}` }
  },
})

const create = command({
  path: 'endpoint create',
  summary: 'Save a new endpoint as a draft',
  args: { database },
  options: { file },
  examples: ['persql endpoint create acme/main -f people.json'],
  async run(ctx, { args, options }) {
    const given = (await spec(options.file ?? '-')) as { slug: string; name: string; kind: string }
    const json = await (await ctx.database(args.database)).endpoints.create(given)
    return { json, text: formatEndpoint(json) }
  },
})

const update = command({
  path: 'endpoint update',
  summary: 'Update fields of an endpoint (creates a new version)',
  args: { database, slug },
  options: { file },
  async run(ctx, { args, options }) {
    const changes = await spec(options.file ?? '-')
    const json = await (await ctx.database(args.database)).endpoints.update(args.slug, changes)
    return { json, text: formatEndpoint(json) }
  },
})

const publish = command({
  path: 'endpoint publish',
  summary: 'Publish an endpoint, or publish an earlier version again',
  args: { database, slug },
  options: { version: { help: 'Version to publish again', value: 'number' } },
  async run(ctx, { args, options }) {
    const version = options.version === undefined ? undefined : Number(options.version)
    const json = await (await ctx.database(args.database)).endpoints.publish(args.slug, { version })
    return { json, text: formatEndpoint(json) }
  },
})

const pause = command({
  path: 'endpoint pause',
  summary: 'Pause an endpoint; callers get 404 until you publish it again',
  args: { database, slug },
  async run(ctx, { args }) {
    const json = await (await ctx.database(args.database)).endpoints.pause(args.slug)
    return { json, text: formatEndpoint(json) }
  },
})

const remove = command({
  path: 'endpoint delete',
  summary: 'Delete an endpoint and its versions',
  args: { database, slug },
  options: { yes },
  async run(ctx, { args, options }) {
    await confirm(ctx, `Callers of ${args.slug} will get 404.`, args.slug, options.yes)
    return {
      json: await (await ctx.database(args.database)).endpoints.delete(args.slug),
      text: `Deleted ${args.slug}.`,
    }
  },
})

const attempt = command({
  path: 'endpoint try',
  summary: 'Call a draft or published endpoint with sample input; writes are rolled back',
  args: { database, slug },
  options: {
    input: { help: 'Input as a JSON object', value: 'json' },
    changes: { help: 'Spec changes to test, as JSON; - reads stdin', value: 'file', file: true },
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
