import type { Suite } from '../suite.ts'
import { migrating } from './migrating.ts'
import { relational } from './relational.ts'
import { selecting } from './selecting.ts'
import { together } from './together.ts'
import { writing } from './writing.ts'

/** The cases of Drizzle's own SQLite integration tests that concern a driver, and additional ones. */
export const suite: Suite = { ...selecting, ...writing, ...relational, ...together, ...migrating }
