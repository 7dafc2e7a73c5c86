import { suite } from './drizzle/suite.ts'
import { runSuite } from './run-suite.ts'

runSuite('drizzle', suite)
