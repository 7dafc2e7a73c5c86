import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer as createHttp } from 'node:http'
import { createServer as createHttps } from 'node:https'
import { type AddressInfo, connect, createServer as createTcp, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Servers that each fail in one way, by kind of failure. */
export interface BrokenServers {
  readonly urls: Readonly<Record<BrokenServer, string>>
  /** The certificates in PEM, for clients that trust them. */
  readonly certificates: string
  /** The file with these certificates. */
  readonly certificateFile: string
  /** Returns the number of connections or requests of a server. */
  count(name: BrokenServer): number
  stop(): Promise<void>
}
export type BrokenServer =
  | 'unknown host'
  | 'refused'
  | 'untrusted'
  | 'expired'
  | 'other host'
  | 'no TLS'
  | 'reset'
  | 'closed'
  | 'cut off'
  | 'no HTTP'
  | 'silent'
  | 'HTML 200'
  | 'HTML 404'
  | 'HTML 502'
  | 'other JSON'

const PAGE = '<!doctype html><title>Hotel</title>'

/** Starts all servers on 127.0.0.1. */
export async function startBrokenServers(): Promise<BrokenServers> {
  const folder = mkdtempSync(join(tmpdir(), 'persql-broken-'))
  const trusted = certificate(folder, 'trusted', 'IP:127.0.0.1')
  const expired = certificate(folder, 'expired', 'IP:127.0.0.1', '20200102000000Z')
  const other = certificate(folder, 'other', 'DNS:other.example')
  const counts = new Map<string, number>()
  const servers: Server[] = []
  const sockets = new Set<Socket>()
  const listen = async (name: string, server: Server) => {
    const counted = 'setTimeout' in server && name.startsWith('HTML') ? 'request' : 'connection'
    server.on(counted, () => counts.set(name, (counts.get(name) ?? 0) + 1))
    server.on('connection', (socket: Socket) => {
      sockets.add(socket.on('error', () => {}))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    servers.push(server)
    return `127.0.0.1:${(server.address() as AddressInfo).port}`
  }
  const onRequest = (name: string, act: (socket: Socket) => void) =>
    listen(
      name,
      createTcp((socket) => void socket.once('data', () => act(socket))),
    )
  const page = (name: string, status: number, type = 'text/html; charset=utf-8', body = PAGE) =>
    listen(
      name,
      createHttp((_request, response) => void response.writeHead(status, { 'Content-Type': type }).end(body)),
    )
  const tls = (name: string, pair: { key: string; cert: string }) =>
    listen(
      name,
      createHttps(pair, (_request, response) => void response.end('{}')),
    )
  // The port of a client refuses connections, and no server gets it while the client is connected.
  const peer = new URL(`tcp://${await listen('peer', createTcp())}`)
  const client = connect(Number(peer.port), peer.hostname)
  sockets.add(client)
  await once(client, 'connect')
  const urls: Record<BrokenServer, string> = {
    'unknown host': 'http://persql.invalid:8443',
    refused: `http://127.0.0.1:${client.localPort}`,
    untrusted: `https://${await tls('untrusted', trusted)}`,
    expired: `https://${await tls('expired', expired)}`,
    'other host': `https://${await tls('other host', other)}`,
    'no TLS': `https://${await page('no TLS', 200)}`,
    reset: `http://${await onRequest('reset', (socket) => socket.resetAndDestroy())}`,
    closed: `http://${await onRequest('closed', (socket) => socket.end())}`,
    'cut off': `http://${await onRequest('cut off', (socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"su'))}`,
    'no HTTP': `http://${await onRequest('no HTTP', (socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n'))}`,
    silent: `http://${await onRequest('silent', () => {})}`,
    'HTML 200': `http://${await page('HTML 200', 200)}`,
    'HTML 404': `http://${await page('HTML 404', 404)}`,
    'HTML 502': `http://${await page('HTML 502', 502)}`,
    'other JSON': `http://${await page('other JSON', 500, 'application/json', '{"code":1020,"message":"Hotel"}')}`,
  }
  const certificates = [trusted, expired, other].map(({ cert }) => cert).join('')
  const certificateFile = join(folder, 'all.pem')
  writeFileSync(certificateFile, certificates)
  return {
    urls,
    certificates,
    certificateFile,
    count: (name) => counts.get(name) ?? 0,
    async stop() {
      for (const socket of sockets) socket.destroy()
      await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Creates a self-signed certificate that is valid from 2020 to `until`. */
function certificate(folder: string, name: string, altName: string, until = '20491231000000Z') {
  const [key, request, cert, config] = ['key', 'csr', 'crt', 'cnf'].map((ending) =>
    join(folder, `${name}.${ending}`),
  ) as [string, string, string, string]
  const text = `[ca]
default_ca = own
[own]
new_certs_dir = ${folder}
database = ${join(folder, `${name}.txt`)}
rand_serial = yes
default_md = sha256
policy = any
copy_extensions = copy
[any]
commonName = supplied
[req]
distinguished_name = names
[names]
`
  writeFileSync(config, text)
  writeFileSync(join(folder, `${name}.txt`), '')
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'pipe' })
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key]
  openssl(
    'req',
    '-new',
    ...curve,
    '-config',
    config,
    '-subj',
    `/CN=${name}`,
    '-addext',
    `subjectAltName=${altName}`,
    '-out',
    request,
  )
  const dates = ['-startdate', '20200101000000Z', '-enddate', until]
  openssl(
    'ca',
    '-batch',
    '-selfsign',
    '-notext',
    '-config',
    config,
    '-keyfile',
    key,
    '-in',
    request,
    '-out',
    cert,
    ...dates,
  )
  return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') }
}
