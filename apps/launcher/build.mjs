// @ts-check
import './closed-pipe.mjs'
import './node-version.mjs'
import { load } from './bundle.mjs'
import { ensureInstalled, requireWritable } from './install.mjs'

await ensureInstalled({ dev: false })
requireWritable()
const { main } = await load('apps/launcher/src/server-build.ts', 'dist/server-build.mjs')
process.exit(await main([]))
