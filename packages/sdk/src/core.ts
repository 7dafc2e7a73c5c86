// What every part of the built package shares: one file, so that what is loaded later brings nothing twice.
export { pause } from './http.ts'
export * from './index.ts'
export { perform } from './perform.ts'
export { encode } from './values.ts'
