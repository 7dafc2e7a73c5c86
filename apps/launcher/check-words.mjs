// @ts-check
import './closed-pipe.mjs'
import './node-version.mjs'
import { load } from './bundle.mjs'
import { ensureInstalled } from './install.mjs'

await ensureInstalled({ dev: true })
const { main } = await load('tools/words/main.ts', 'dist/check-words.mjs')
// `process.exit` would cut off a long report in a pipe.
process.exitCode = await main(process.argv.slice(2))
