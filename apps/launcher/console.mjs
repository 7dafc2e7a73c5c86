// @ts-check
import './closed-pipe.mjs'
import './node-version.mjs'
import { load } from './bundle.mjs'
import { ensureInstalled } from './install.mjs'

await ensureInstalled({ dev: false })
const { main } = await load('apps/launcher/src/console-build.ts', 'dist/console-build.mjs')
process.exit(await main([]))
