// @ts-check
import './closed-pipe.mjs'
import './node-version.mjs'
import { load } from './bundle.mjs'
import { ensureInstalled } from './install.mjs'

await ensureInstalled({ dev: true })
const { main } = await load('apps/launcher/src/docs-build.ts', 'dist/docs-build.mjs')
process.exit(await main([]))
