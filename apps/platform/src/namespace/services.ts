import type { Database } from '../database/object.ts'
import type { Directory } from '../directory/object.ts'
import type { Env } from '../env.ts'
import { databaseAt, directoryAt, namespaceAt, type Remote } from '../remote.ts'
import { getSettings } from '../settings.ts'
import { nativeAlarm } from '../storage/native-alarm.ts'
import { Timers } from '../storage/timers.ts'
import { Audit } from './audit.ts'
import { Bootstrap } from './bootstrap.ts'
import { Creation } from './creation.ts'
import { Billing } from './credit/billing.ts'
import { Bookings } from './credit/bookings.ts'
import { CreditAllocator } from './credit/credit-allocator.ts'
import { Leases } from './credit/leases.ts'
import { LowBalance } from './credit/low-balance.ts'
import { PaymentLedger } from './credit/payment-ledger.ts'
import { RestoreReconciliation } from './credit/restore-reconciliation.ts'
import { TopUps } from './credit/top-ups.ts'
import { TransferRecords } from './credit/transfer-records.ts'
import { type TransferRecipient, Transfers } from './credit/transfers.ts'
import { BranchFiller } from './databases/branch-filler.ts'
import { BranchRecords } from './databases/branch-records.ts'
import { BranchRegistry } from './databases/branch-registry.ts'
import { BranchTokens } from './databases/branch-tokens.ts'
import { Branches } from './databases/branches.ts'
import { FileDamage } from './databases/damage.ts'
import { DatabaseAudit } from './databases/database-audit.ts'
import { DatabaseDetails } from './databases/database-details.ts'
import { DatabaseService } from './databases/database-service.ts'
import { Databases } from './databases/databases.ts'
import { Deletions } from './databases/deletions.ts'
import { Expiry } from './databases/expiry.ts'
import { Hostnames } from './databases/hostnames.ts'
import { WakeUps } from './databases/wake-ups.ts'
import { Founding } from './founding.ts'
import { IdentityStore } from './identity.ts'
import { DayClose } from './ledger/day-close.ts'
import { Ledger } from './ledger/ledger.ts'
import { StorageBill } from './ledger/storage-bill.ts'
import { StorageSampler } from './ledger/storage-sampler.ts'
import { MemberService } from './members/member-service.ts'
import { Members } from './members/members.ts'
import { NamespaceDeletion } from './namespace-deletion.ts'
import { QuotaLimitStore } from './quotas/limits.ts'
import { Quotas } from './quotas/quotas.ts'
import { SnapshotBytes } from './quotas/snapshot-bytes.ts'
import { Suspension } from './suspension.ts'
import { Admission } from './tokens/admission.ts'
import { AppAuthority } from './tokens/app-authority.ts'
import { AppConsents } from './tokens/app-consents.ts'
import { AppGrants } from './tokens/app-grants.ts'
import { AppTokenEndpoint } from './tokens/app-token-endpoint.ts'
import { ConnectedApps } from './tokens/connected-apps.ts'
import { Credentials } from './tokens/credentials.ts'
import { EndedKeys } from './tokens/ended-keys.ts'
import { MemberApps } from './tokens/member-apps.ts'
import { createOAuthGrantStore } from './tokens/oauth-grant-store.ts'
import { OAuthRecords } from './tokens/oauth-records.ts'
import { TokenUsers } from './tokens/token-users.ts'
import { Tokens } from './tokens/tokens.ts'

/** The services of a namespace, created once per object. Each owns its storage keys. */
export type NamespaceServices = ReturnType<typeof createServices>

type TimerName =
  | 'close-day'
  | 'finish-deletions'
  | 'warn-low-balance'
  | 'release-hostnames'
  | 'expire-databases'
  | 'wake-ups'
  | 'finish-transfers'

/**
 * Creates the services of a namespace. Services that depend on each other are passed as functions, which are called
 * only after all services exist.
 */
export function createServices(ctx: DurableObjectState, env: Env) {
  const { storage } = ctx
  const identity = new IdentityStore(storage.kv)
  const stub = (slug: string) => databaseAt<Remote<Database>>(env, identity.slug, slug)
  const directory = () => directoryAt<Remote<Directory>>(env)
  const abort = (reason: string) => ctx.abort(reason)
  // Before the namespace is created, the ledger has no tables to read.
  let opened: Ledger | undefined
  const ledger = () => {
    opened ??= new Ledger(storage)
    return opened
  }

  const tokens = new Tokens(storage.sql)
  const snapshots = new SnapshotBytes(storage.kv)
  const limits = new QuotaLimitStore(storage.kv, getSettings(env).quotas)
  const databases = new Databases(storage.sql, (count) => limits.assertDatabases(count))
  const details = new DatabaseDetails(storage.sql)
  const audit = new Audit(storage.sql)
  const members = new Members(storage.sql)
  const lineage = new BranchRegistry(storage.sql)

  const alarm = nativeAlarm(storage)
  const due: Readonly<Record<TimerName, (nowMs: number) => void | Promise<void>>> = {
    'wake-ups': (nowMs) => wakeUps.run(nowMs),
    'close-day': () => dayClose.run(),
    'finish-deletions': () => deletion.finishDeletions(),
    'warn-low-balance': (nowMs) => lowBalance.warn(nowMs),
    'release-hostnames': () => hostnames.release(),
    'finish-transfers': () => transfers.finishAll(),
    'expire-databases': async (nowMs) => {
      const nextMs = await expiry.sweep(nowMs)
      if (nextMs !== undefined) timers.set('expire-databases', Math.max(nextMs, nowMs + 1_000))
    },
  }
  const timers: Timers<TimerName> = new Timers(storage.kv, alarm, (name, nowMs) => due[name](nowMs))

  const lowBalance = new LowBalance({
    kv: storage.kv,
    env,
    slug: () => identity.existing.slug,
    ledger,
    owners: async () => {
      const owners = members.list().filter(({ role }) => role === 'owner')
      const people = await directory().people(owners.map(({ userId }) => userId))
      return people.map(({ email }) => email)
    },
    warnAt: (atMs) => timers.set('warn-low-balance', atMs),
  })
  const wakeUps = new WakeUps({ sql: storage.sql, identity, stub, runAt: (atMs) => timers.set('wake-ups', atMs) })
  const storageBill = new StorageBill({ kv: storage.kv, databases, ledger })
  // On Cloudflare, databases have native alarms.
  const keepsAlarms = getSettings(env).runtime === 'workerd'
  const lending = new CreditAllocator({
    ...{ env, storage, databases, ledger, stub, lowBalance, snapshots, storageBill, abort },
    namespace: () => identity.slug,
    leased: (name) => {
      if (keepsAlarms) wakeUps.leased(name)
    },
  })
  const refuse = (keys: readonly string[]) => lending.revoke(keys)
  const slug = () => identity.slug
  const files = new FileDamage({ env, databases, namespace: slug })
  const records = new OAuthRecords(storage.sql)
  const ended = new EndedKeys(refuse)
  const grants = new AppGrants({ storage, records, tokens, audit, ended, slug })
  const authority = new AppAuthority({ grants, members, databases, slug })
  const store = createOAuthGrantStore({ storage, env, tokens, members, records, grants, ended })
  const consents = new AppConsents({ store, authority, databases, audit, ended, slug })
  const tokenEndpoint = new AppTokenEndpoint({ env, storage, records, store, grants, ended })
  const apps = new ConnectedApps({ grants, authority, consents, tokenEndpoint, tokens, databases, ended })
  const memberApps = new MemberApps({ members, tokens, grants, authority, ended })
  const credentials = new Credentials({ storage, tokens, grants, authority, databases, audit, refuse })
  const hostnames = new Hostnames({
    ...{ storage, env, databases, audit, directory, slug },
    releaseAt: (atMs) => timers.set('release-hostnames', atMs),
  })
  const deletions = new Deletions({
    ...{ env, databases, lineage, hostnames, lending, wakeUps, snapshots, storageBill, files, namespace: slug },
    finishAt: (atMs) => timers.set('finish-deletions', atMs),
  })
  const expireAt = (atMs: number) => timers.set('expire-databases', atMs)
  const ofDatabases = { storage, databases, details, lineage, tokens, audit }
  const databaseService = new DatabaseService({ ...ofDatabases, lending, deletions, expireAt })
  const expiry = new Expiry({ databases, lineage, details, databaseService, sweepAt: expireAt })
  const assertDeletable = (ids: readonly string[]) => databaseService.assertDeletable(ids)
  const branchRecords = new BranchRecords({ ...ofDatabases, files, limits, snapshots, assertDeletable })
  const branchTokens = new BranchTokens({ storage, records: branchRecords, tokens, credentials, audit, slug })
  const filler = new BranchFiller({ env, slug, stub, databases })
  const branches = new Branches({ records: branchRecords, filler, branchTokens, expiry, databaseService })
  const sampler = new StorageSampler({ storage, databases, bill: storageBill, snapshots, lending, lowBalance, stub })
  const dayClose = new DayClose({
    ...{ ctx, identity, ledger, lending, sampler },
    reconciled: (name, balanceNano, driftNano) => directory().reconciled(name, balanceNano, driftNano),
    runAt: (atMs) => timers.set('close-day', atMs),
  })
  const admission = new Admission({ identity, tokens, grants, authority, databases, members })
  const forget = (name: string) => directory().remove(name)
  const deletion = new NamespaceDeletion({
    ...{ storage, identity, databases, databaseService, members, deletions, audit, forget },
  })
  const settled = () => lending.coverOverdraft()
  const bookings = new Bookings({ storage, ledger, audit, lowBalance, settled, abort })
  const restored = new RestoreReconciliation({
    ...{ storage, databases, databaseService, lending, bookings, wakeUps, stub },
    restoreId: env.PERSQL_RESTORE,
    wakeAt: (atMs) => timers.set('wake-ups', atMs),
  })
  const payments = new PaymentLedger({ bookings, topUps: new TopUps(storage.sql), audit })
  const transfers = new Transfers({
    ...{ identity, members, ledger, lending, bookings, records: new TransferRecords(storage.sql) },
    tokenUsers: new TokenUsers({ tokens, grants, audit }),
    exists: (name) => directory().has(name),
    recipient: (name) => namespaceAt<{ transfers: TransferRecipient }>(env, name).transfers,
    finishAt: (atMs) => timers.set('finish-transfers', atMs),
  })
  const welcomeCreditNano = () => getSettings(env).welcomeCreditNano
  const creation = new Creation({ storage, identity, ledger, dayClose, audit, restored, welcomeCreditNano })
  return {
    ...{ identity, alarm, timers, databases, databaseService, admission, deletion },
    ...{ audit, apps, credentials, branches, hostnames, wakeUps, payments, transfers },
    quotas: new Quotas({ storage, identity, limits, databases, snapshots, lending, audit }),
    suspension: new Suspension({ identity, lending, audit }),
    bootstrap: new Bootstrap({ identity, creation, databases, tokens, audit }),
    founding: new Founding({ storage, identity, creation, databaseService, members, admission, audit }),
    people: new MemberService(storage, members, databases, audit, memberApps),
    ...{ files, restored },
    leases: new Leases({
      ...{ identity, databases, details, lending, dayClose, tokens, files, limits, snapshots, restored },
      released: (name, wakeAtMs) => {
        if (keepsAlarms) wakeUps.released(name, wakeAtMs)
      },
    }),
    billing: new Billing({ identity, ledger, lending, lowBalance, dayClose }),
    databaseAudit: new DatabaseAudit(storage, audit),
  }
}
