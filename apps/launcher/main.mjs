// @ts-check
import './closed-pipe.mjs'
import './node-version.mjs'
import { loadServer } from './built.mjs'

const { main } = await loadServer()
process.exit(await main(['start', ...process.argv.slice(2)]))
