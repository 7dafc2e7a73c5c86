import { randomUUID } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseArgs, parseEnv } from 'node:util'
import {
  formatQuota,
  parseQuota,
  type QuotaName,
  quotaNames,
  quotas,
} from '../../../packages/contract/src/quota-limits.ts'
import { backupHelp, isBackupCommand, runBackupCommand } from './backup/command.ts'
import { UsageError } from './backup/usage-error.ts'
import { checkFiles } from './check-files.ts'
import { operatorCommand } from './command-name.ts'
import { doctorHelp, runDoctor } from './doctor/command.ts'
import { createFilesPrivately } from './file-modes.ts'
import { findUse, locateDatabase, readIdentity, withUse } from './object-files.ts'
import { rotateSecretHelp, runRotateSecret } from './rotate-secret.ts'
import { callInstance, findInstance } from './running-instance.ts'
import { maxLiveBytes } from './vacuum/vacuum-file.ts'
import type { VacuumAnswer } from './vacuum/vacuum-sweep.ts'

/** The help of all commands of an operator. */
export const operatorHelp = `${operatorCommand} <command>

  list                                  list namespaces with status, balance and drift from the ledger
  credit <namespace> <usd> --note TEXT  add to a balance; a negative amount subtracts
  suspend <namespace> --note TEXT       refuse all calls of a namespace; its storage is still billed
  resume <namespace> --note TEXT        serve a suspended namespace again
  invite <namespace> <email> --role R   invite a member: owner, admin, editor or viewer
  owner <namespace> <email>             make a member, or the account with a verified email address, an owner; --note TEXT
                                        is optional
  quota <namespace>                     list the quotas of a namespace with their use
  quota <namespace> <name> <limit>      set a limit, such as 500 or 20GB; "default" restores the default
  locate <namespace>/<database>         print the path of a database's file
  check [<namespace>/<database>]        check the file of a database, or all files; exit code 1 if one is damaged
  accept <namespace>/<database> --note TEXT
                                        serve the file of a damaged database as it is, for example after a repair
  vacuum <namespace>/<database>         give the free pages of a database's file back to the disk now; calls wait
${doctorHelp}${rotateSecretHelp}${backupHelp}
  --url URL   instance URL (default: bootstrap.json in the data folder, then http://127.0.0.1:8787)

Reads the operator secret from PERSQL_SECRET or the data folder (PERSQL_DATA, default ./data). locate, check,
doctor, rotate-secret, backup, verify and restore need only the data folder. The other commands, and restore with
--database, call the running instance.
`
const commands = ['list', 'credit', 'suspend', 'resume', 'invite', 'owner', 'quota']
const fileCommands = new Set(['locate', 'check', 'accept', 'vacuum'])
const operatorPath = '/api/operator/namespaces'
const roles = ['owner', 'admin', 'editor', 'viewer']

type Call = (method: string, path: string, body?: object) => Promise<unknown>

interface Printed {
  text: string
  exitCode: number
}

const printed = (text: string, exitCode = 0): Printed => ({ text, exitCode })

/** Runs `npm run operator` and `persql-server operator`, the commands of an instance's operator. Resolves with the exit code. */
export async function main(args: string[]): Promise<number> {
  createFilesPrivately()
  try {
    const { text, exitCode } = await run(args)
    process.stdout.write(text)
    return exitCode
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    return error instanceof UsageError ? error.exitCode : 1
  }
}

async function run(args: string[]): Promise<Printed> {
  if (isBackupCommand(args[0])) return runBackupCommand(args, readEnvironment())
  if (args[0] === 'doctor') return runDoctor(args, readEnvironment())
  if (args[0] === 'rotate-secret') return runRotateSecret(args, readEnvironment())
  const { values, positionals } = parseArgs({
    args: args.map((arg) => (/^-\d/.test(arg) ? `usd:${arg}` : arg)),
    options: {
      note: { type: 'string' },
      role: { type: 'string' },
      url: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
    allowPositionals: true,
  })
  const [command, ...named] = positionals
  if (values.help || command === undefined) return printed(operatorHelp)
  if (fileCommands.has(command)) return runOnFiles(command, named, values)
  return printed(await runOnNamespaces(command, named, values))
}

interface Flags {
  note?: string | undefined
  role?: string | undefined
  url?: string | undefined
}

const misused = (problem: string): Error => new Error(`${problem}\n\n${operatorHelp}`)

/** Runs a command about the files of databases. */
async function runOnFiles(command: string, [address, extra]: string[], { note, url }: Flags): Promise<Printed> {
  if (extra !== undefined) throw misused(`Unexpected argument "${extra}".`)
  const data = resolve(readEnvironment().PERSQL_DATA || './data')
  if (command === 'check') {
    const checks = await withUse(data, (use) => [...checkFiles(data, use, address)])
    const lines = checks.map(({ name, file, problem }) =>
      problem === undefined ? `${name}: ok\n` : `${name}: damaged. ${file}: ${problem}\n`,
    )
    return printed(lines.join(''), checks.some(({ problem }) => problem !== undefined) ? 1 : 0)
  }
  if (address === undefined) throw misused('Missing database. Expected "namespace/database".')
  if (command === 'locate') return printed(`${locateDatabase(data, address, await findUse(data))}\n`)
  if (command === 'vacuum') return vacuum(data, address, await door(url))
  const [namespace] = address.split('/')
  if (!note) throw new Error(`Missing --note. Give a reason; it is recorded in the audit log of ${namespace}.`)
  const call = await door(url)
  await call('POST', '/api/launcher/accepted', { database: address, note })
  return printed(`The file of ${address} is served as it is.\n`)
}

const reasons: Record<string, string> = {
  not_supported: "this instance can't shorten files.",
  busy: 'calls, copies or imports are running. Try again later.',
  no_room: 'the disk needs free space of twice the data, above the reserve.',
  few_free_pages: 'it has no free pages.',
  too_large: `it has more than ${maxLiveBytes / 1e6} MB of data, so calls would wait too long.`,
}

/** Gives the free pages of a database's file back to the disk, also while the database is in use. */
async function vacuum(data: string, address: string, call: Call): Promise<Printed> {
  const use = await findUse(data)
  const file = locateDatabase(data, address, use)
  const identity = existsSync(file) ? readIdentity(file, use) : undefined
  if (identity === undefined) return printed(`${address} has no data yet.\n`)
  const wanted = { database: address, id: identity.id, isUrgent: true, minFreeBytes: 0, minFreeShare: 0 }
  const result = (await call('POST', '/api/launcher/vacuum', wanted)) as VacuumAnswer
  if ('freedBytes' in result)
    return printed(`The file of ${address} is ${(result.freedBytes / 1e6).toFixed(1)} MB shorter.\n`)
  const reason = 'skipped' in result ? (reasons[result.skipped] ?? result.skipped) : result.failed
  return printed(`The file of ${address} stays as it is: ${reason}\n`, 1)
}

/** Runs a command about namespaces on the running instance. */
async function runOnNamespaces(command: string, [namespace, value, ...rest]: string[], values: Flags): Promise<string> {
  if (!commands.includes(command)) throw misused(`Unknown command "${command}".`)
  const call = await door(values.url)
  if (command === 'list' && namespace === undefined) return standings((await call('GET', operatorPath)) as Standing[])
  const wantsValue = ['credit', 'invite', 'owner'].includes(command)
  const isQuota = command === 'quota'
  const [extra] = isQuota ? rest.slice(1) : wantsValue ? rest : [value, ...rest]
  if (command === 'list' || extra !== undefined) throw misused(`Unexpected argument "${extra ?? namespace}".`)
  if (namespace === undefined) throw misused('Missing namespace.')
  if (isQuota) return quota(call, namespace, value, rest[0]?.replace(/^usd:/, ''))
  if (wantsValue && value === undefined) {
    throw misused(command === 'credit' ? 'Missing amount in US dollars.' : 'Missing email address.')
  }
  if (command === 'invite') return invite(call, namespace, value ?? '', values.role)
  if (command === 'owner') return makeOwner(call, namespace, value ?? '', values.note)
  if (!values.note) throw new Error(`Missing --note. Give a reason; it is recorded in the audit log of ${namespace}.`)
  const path = `${operatorPath}/${encodeURIComponent(namespace)}/${command}`
  if (!wantsValue) {
    const { status } = (await call('POST', path, { note: values.note })) as { status: string }
    return `${namespace} is ${status}.\n`
  }
  const amountUsd = Number(value?.replace(/^usd:/, '').replace(/^\$/, ''))
  if (!Number.isFinite(amountUsd) || amountUsd === 0)
    throw new Error(`Invalid amount "${value}". Expected US dollars, such as 25 or -5.`)
  // Created once, so that a retry after a lost response doesn't count twice.
  const credit = { amountUsd, note: values.note, ref: randomUUID() }
  const { balanceUsd } = (await call('POST', path, credit)) as { balanceUsd: number }
  return `Balance of ${namespace}: $${balanceUsd}.\n`
}

async function invite(call: Call, namespace: string, email: string, role: string | undefined): Promise<string> {
  if (role === undefined || !roles.includes(role)) {
    const problem = role === undefined ? 'Missing --role.' : `Invalid role "${role}".`
    throw new Error(`${problem} Expected one of ${roles.join(', ')}.`)
  }
  const invited = (await call('POST', `${operatorPath}/${encodeURIComponent(namespace)}/invite`, { email, role })) as {
    email: string
    link?: string
  }
  const what = `${invited.email} is invited to ${namespace} as ${role}`
  if (invited.link === undefined)
    return `${what}. The invitation was sent by email. The link works once and expires in 7 days.\n`
  return `${what}. Send them this link. It works once and expires in 7 days:\n\n${invited.link}\n`
}

async function makeOwner(call: Call, namespace: string, email: string, note: string | undefined): Promise<string> {
  const path = `${operatorPath}/${encodeURIComponent(namespace)}/owner`
  const owner = (await call('POST', path, { email, ...(note && { note }) })) as { email: string }
  return `${owner.email} is an owner of ${namespace}. Owners can remove other owners in the settings of the namespace.\n`
}

interface Standing {
  slug: string
  status: string
  balanceUsd: number | null
  driftUsd: number | null
  createdAt: string
}

interface Quota {
  name: QuotaName
  limit: number
  default: number
  used: number | null
  database: string | null
}

/** Lists the quotas of a namespace, or sets the limit of one. */
async function quota(call: Call, namespace: string, name: string | undefined, text: string | undefined) {
  const path = `${operatorPath}/${encodeURIComponent(namespace)}/quotas`
  if (name === undefined) return quotaTable((await call('GET', path)) as Quota[])
  const known = quotaNames.find((one) => one === name)
  if (known === undefined) throw new Error(`Unknown quota "${name}". Expected one of ${quotaNames.join(', ')}.`)
  if (text === undefined) throw new Error(`Missing limit. Give a limit for "${name}", or "default".`)
  const limit = text === 'default' ? null : parseQuota(known, text)
  if (limit === undefined) {
    const expected = quotas[known].unit === 'bytes' ? 'a size such as 20GB' : 'a whole number'
    throw new Error(`Invalid limit "${text}". Expected ${expected}, or "default".`)
  }
  const set = (await call('PUT', `${path}/${known}`, { limit })) as Quota
  return `Quota "${known}" of ${namespace}: ${formatQuota(known, set.limit)}${set.limit === set.default ? ' (default)' : ''}.\n`
}

const quotaTable = (list: Quota[]): string =>
  table([
    ['quota', 'limit', 'default', 'used'],
    ...list.map(({ name, limit, default: preset, used, database }) => [
      name,
      formatQuota(name, limit),
      formatQuota(name, preset),
      used === null ? '' : `${formatQuota(name, used)}${database === null ? '' : ` (${database})`}`,
    ]),
  ])

const standings = (list: Standing[]): string =>
  table([
    ['namespace', 'status', 'balance', 'drift', 'created'],
    ...list.map(({ slug, status, balanceUsd, driftUsd, createdAt }) => [
      slug,
      status,
      balanceUsd === null ? '?' : `$${balanceUsd}`,
      driftUsd === null ? '?' : `$${driftUsd}`,
      createdAt.slice(0, 10),
    ]),
  ])

/** Formats rows as columns. */
function table(rows: string[][]): string {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)))
  return `${rows
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')}\n`
}

function readEnvironment(): NodeJS.ProcessEnv {
  return { ...(existsSync('.env') ? parseEnv(readFileSync('.env', 'utf8')) : {}), ...process.env }
}

/** Returns a function that calls the instance as its operator. */
async function door(url: string | undefined): Promise<Call> {
  const instance = await findInstance(readEnvironment(), url)
  return (method, path, body) => callInstance(instance, method, path, body)
}
