import { suite } from './kysely/suite.ts'
import { runSuite } from './run-suite.ts'

runSuite('kysely', suite)
