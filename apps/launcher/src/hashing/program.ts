import { rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { constants, getPriority, setPriority } from 'node:os'
import { createHashServer } from './hash-server.ts'

// The program of the process that hashes passwords: `<address> <slots>`, with its key in PERSQL_HASHING_KEY. It prints
// its address when it listens, and ends when its input closes, so that it never outlives the launcher.

const [address = '', slots] = process.argv.slice(2)
const path = /^unix:(.*)$/s.exec(address)?.[1]
const server = createHashServer(process.env.PERSQL_HASHING_KEY ?? '', Number(slots))

process.stdin.on('close', () => process.exit()).resume()
server.on('error', ({ message }) => {
  process.stderr.write(`${message}\n`)
  process.exit(1)
})
server.on('listening', () => {
  // Before the first hash: threads of Node's pool start then, with the priority of this thread.
  const { PRIORITY_BELOW_NORMAL: low } = constants.priority
  if (getPriority() < low) setPriority(low)
  process.stdout.write(`${path === undefined ? `127.0.0.1:${(server.address() as AddressInfo).port}` : address}\n`)
})
if (path === undefined) server.listen({ host: '127.0.0.1', port: Number(address.split(':').at(-1)) })
else {
  // A killed process leaves its socket behind.
  rmSync(path, { force: true })
  server.listen(path)
}
