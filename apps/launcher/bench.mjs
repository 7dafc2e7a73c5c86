// @ts-check
import './closed-pipe.mjs'
import './node-version.mjs'
import { load } from './bundle.mjs'
import { ensureInstalled } from './install.mjs'

await ensureInstalled({ dev: false })
const { main } = await load('bench/src/main.ts', 'dist/bench.mjs')
process.exit(await main(process.argv.slice(2)))
