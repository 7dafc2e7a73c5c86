import type { Routes } from './bind-routes.ts'
import type { NamespaceResources } from './namespace-resources.ts'
import type { Approvals, DatabaseResources } from './resources.ts'

/** The routes of a namespace's resources, in the format of `callRoute`. */
export const ofNamespace: Routes<NamespaceResources> = {
  databases: {
    create: 'POST! databases',
    list: 'GET databases',
    get: 'GET databases/*',
    update: 'PATCH! databases/*',
    delete: 'DELETE! databases/*',
  },
  tokens: { create: 'POST! tokens', list: 'GET tokens', revoke: 'DELETE! tokens/*', rotate: 'POST! tokens/*/rotate' },
  billing: {
    get: 'GET billing',
    topUp: 'POST! billing/topup amountUsd',
    transfer: 'POST billing/transfer',
    quotas: 'GET quotas',
  },
}

/** The routes of a database's resources. Only `poll` makes more than one call. */
export const ofDatabase: Routes<Omit<DatabaseResources, 'approvals'> & { approvals: Omit<Approvals, 'poll'> }> = {
  branches: {
    upsert: 'PUT! branches/*',
    claim: 'POST! claim_branch',
    update: 'PATCH! branches/*',
    pin: 'POST! branches/*/handoff',
    merge: 'POST branches/*/merge',
    list: 'GET branches',
    get: 'GET branches/*',
    delete: 'DELETE! branches/*',
  },
  proposals: { propose: 'POST propose sql', apply: 'POST= apply executionToken' },
  approvalRules: { create: 'POST approval_rules', list: 'GET approval_rules', delete: 'DELETE approval_rules/*' },
  approvals: { list: 'GET approvals', get: 'GET approvals/*', redeem: 'POST= redeem_approval approvalToken' },
  snapshots: {
    create: 'POST snapshots label',
    list: 'GET snapshots',
    delete: 'DELETE snapshots/*',
    restore: 'POST restore',
  },
  migrations: {
    create: 'POST migrations',
    list: 'GET migrations',
    update: 'PATCH migrations/*',
    apply: 'POST migrations/*/apply',
    delete: 'DELETE migrations/*',
  },
  endpoints: {
    create: 'POST endpoints',
    list: 'GET endpoints',
    get: 'GET endpoints/*',
    update: 'PATCH endpoints/*',
    publish: 'POST endpoints/*/publish',
    pause: 'POST endpoints/*/pause',
    delete: 'DELETE endpoints/*',
  },
  webhooks: {
    create: 'POST webhooks',
    list: 'GET webhooks',
    get: 'GET webhooks/*',
    update: 'PATCH webhooks/*',
    delete: 'DELETE webhooks/*',
    rotateSecret: 'POST webhooks/*/rotate-secret',
    test: 'POST webhooks/*/test',
    deliveries: 'GET webhooks/*/deliveries',
    replay: 'POST webhooks/*/deliveries/*/replay',
  },
  schedules: {
    create: 'POST schedules',
    list: 'GET schedules',
    update: 'PATCH schedules/*',
    delete: 'DELETE schedules/*',
    run: 'POST schedules/*/run',
  },
  settings: { get: 'GET settings', update: 'PATCH settings' },
}
