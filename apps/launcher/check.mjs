// @ts-check
import './node-version.mjs'
import { runChecks } from './checks.mjs'
import { ensureInstalled } from './install.mjs'

await ensureInstalled({ dev: true })
const { failed } = await runChecks()
process.exit(failed === 0 ? 0 : 1)
