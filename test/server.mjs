// @ts-check
import '../apps/launcher/closed-pipe.mjs'
import { pathToFileURL } from 'node:url'

// Runs a command of the built server in the first argument. `npm start` and `npm run operator` do the same after they have
// checked whether the sources changed, which takes as long as the rest of a start.
const [, , file = '', ...args] = process.argv
/** @type {{ main(args: string[]): Promise<number> }} */
const { main } = await import(pathToFileURL(file).href)
process.exit(await main(args))
