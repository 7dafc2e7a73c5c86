// @ts-check
import './closed-pipe.mjs'
import './node-version.mjs'
import { load } from './bundle.mjs'
import { ensureInstalled } from './install.mjs'

await ensureInstalled({ dev: true })
const { main } = await load('bench/src/console/main.ts', 'dist/bench-console.mjs')
process.exit(await main(process.argv.slice(2)))
