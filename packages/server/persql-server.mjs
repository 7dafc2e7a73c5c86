#!/usr/bin/env node
// @ts-check
import '../../apps/launcher/closed-pipe.mjs'
import '../../apps/launcher/node-version.mjs'

// The program is next to this file in the built package. An older Node ends before it reads it.
/** @type {{ main(args: string[]): Promise<number> }} */
const { main } = await import(new URL('./server.mjs', import.meta.url).href)
process.exit(await main(process.argv.slice(2)))
