// @ts-check
import './closed-pipe.mjs'
import './node-version.mjs'
import { runChecks } from './checks.mjs'
import { ensureInstalled } from './install.mjs'

await ensureInstalled({ dev: true })
const { passed, failed } = await runChecks(process.argv[2])
if (passed + failed === 0) process.stderr.write(`Unknown check "${process.argv[2]}".\n`)
process.exit(passed > 0 && failed === 0 ? 0 : 1)
