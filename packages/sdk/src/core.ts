// What every part of the built package shares: one file, so that what is loaded later brings nothing twice.
export * from './index.ts'
export { mendable, toolResult } from './tools.ts'
export { encode } from './values.ts'
