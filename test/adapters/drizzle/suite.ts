import type { Suite } from '../suite.ts'
import { migrating } from './migrating.ts'
import { relational } from './relational.ts'
import { selecting } from './selecting.ts'
import { together } from './together.ts'
import { writing } from './writing.ts'

/** Cases of drizzle's own integration tests for SQLite that say something about a driver, and what is ours beside them. */
export const suite: Suite = { ...selecting, ...writing, ...relational, ...together, ...migrating }
