// @ts-check
import './closed-pipe.mjs'
import './node-version.mjs'
import { load } from './bundle.mjs'
import { ensureInstalled } from './install.mjs'

await ensureInstalled({ dev: false })
const { main } = await load('apps/launcher/src/operator.ts', 'dist/operator.mjs')
process.exit(await main(process.argv.slice(2)))
