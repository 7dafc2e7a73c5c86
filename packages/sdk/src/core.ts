// The shared part of the built package, in one file, so that parts loaded later don't contain it again.

export { callRoute, randomKey } from './bind-routes.ts'
export { pause } from './http.ts'
export * from './index.ts'
export { encode, encodeParams, toResult } from './values.ts'
