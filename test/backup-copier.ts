import { createHash } from 'node:crypto'
import { openStore } from '../apps/launcher/src/backup/stores/open-store.ts'

/*
 * Runs in a process of its own, so that tests can measure its memory and kill it. Copies a file to a target after a small blob, reads it back,
 * and prints `{ sha256, grownBytes }`.
 */
const [target = '', path = '', passphrase] = process.argv.slice(2)
const store = await openStore(target, { environment: process.env, ...(passphrase && { passphrase }) })
await store.write('files/small', { text: 'x' })
const before = process.memoryUsage().rss
let peak = before
const timer = setInterval(() => {
  peak = Math.max(peak, process.memoryUsage().rss)
}, 5)

await store.write('files/large', { path })
const hash = createHash('sha256')
for await (const chunk of (await store.read('files/large')) ?? []) hash.update(chunk)
clearInterval(timer)
process.stdout.write(`${JSON.stringify({ sha256: hash.digest('hex'), grownBytes: peak - before })}\n`)
