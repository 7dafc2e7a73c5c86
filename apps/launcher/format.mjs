// @ts-check
import './closed-pipe.mjs'
import './node-version.mjs'
import { ensureInstalled } from './install.mjs'
import { run } from './run.mjs'

await ensureInstalled({ dev: true })
// `check --write` sorts imports too, as `npm run lint` expects.
const biome = ['node_modules/@biomejs/biome/bin/biome', 'check', '--write', '--linter-enabled=false']
const { code } = await run([...biome, ...process.argv.slice(2)], 'inherit')
process.exit(code)
