import type { Routes } from './bind-routes.ts'
import type { NamespaceResources } from './namespace-resources.ts'
import type { Approvals, DatabaseResources } from './resources.ts'

/** The routes of a namespace's resources, in the format of `callRoute`. `.` stands for the name of the resource. */
export const ofNamespace: Routes<NamespaceResources> = {
  databases: {
    create: 'POST! .',
    list: 'GET .',
    get: 'GET ./*',
    update: 'PATCH! ./*',
    delete: 'DELETE! ./*',
  },
  tokens: { create: 'POST! .', list: 'GET .', get: 'GET ./*', revoke: 'DELETE! ./*', rotate: 'POST! ./*/rotate' },
  billing: {
    get: 'GET .',
    topUp: 'POST! ./topup amountUsd',
    transfer: 'POST ./transfer',
    quotas: 'GET quotas',
  },
}

/** The routes of a database's resources. Only `poll` makes more than one call. */
export const ofDatabase: Routes<Omit<DatabaseResources, 'approvals'> & { approvals: Omit<Approvals, 'poll'> }> = {
  branches: {
    upsert: 'PUT! ./*',
    claim: 'POST! claim_branch',
    update: 'PATCH! ./*',
    pin: 'POST! ./*/handoff',
    diff: 'GET ./*/diff',
    merge: 'POST ./*/merge',
    list: 'GET .',
    get: 'GET ./*',
    delete: 'DELETE! ./*',
  },
  proposals: { propose: 'POST propose sql', apply: 'POST= apply executionToken' },
  approvalRules: { create: 'POST approval_rules', list: 'GET approval_rules', delete: 'DELETE approval_rules/*' },
  approvals: { list: 'GET .', get: 'GET ./*', redeem: 'POST= redeem_approval approvalToken' },
  snapshots: {
    create: 'POST . label',
    list: 'GET .',
    delete: 'DELETE ./*',
    restore: 'POST restore',
  },
  migrations: {
    create: 'POST .',
    list: 'GET .',
    update: 'PATCH ./*',
    apply: 'POST ./*/apply',
    delete: 'DELETE ./*',
  },
  endpoints: {
    create: 'POST .',
    list: 'GET .',
    get: 'GET ./*',
    update: 'PATCH ./*',
    publish: 'POST ./*/publish',
    pause: 'POST ./*/pause',
    delete: 'DELETE ./*',
  },
  webhooks: {
    create: 'POST .',
    list: 'GET .',
    get: 'GET ./*',
    update: 'PATCH ./*',
    delete: 'DELETE ./*',
    rotateSecret: 'POST ./*/rotate-secret',
    test: 'POST ./*/test',
    deliveries: 'GET ./*/deliveries',
    replay: 'POST ./*/deliveries/*/replay',
  },
  schedules: {
    create: 'POST .',
    list: 'GET .',
    update: 'PATCH ./*',
    delete: 'DELETE ./*',
    run: 'POST ./*/run',
  },
  settings: { get: 'GET .', update: 'PATCH .' },
}
