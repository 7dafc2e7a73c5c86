import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Agent, fetch } from 'undici'
import { repository } from '../apps/launcher/src/paths.ts'

// The configurations of the page about reverse proxies, with other ports, certificates and folders, in real proxies.

/** The hostname of the proxy. */
export const hostname = 'sql.example.com'
const page = readFileSync(join(repository, 'docs/self-hosting/reverse-proxy.md'), 'utf8')
const block = (language: string) => new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, 'ms').exec(page)?.[1] as string

/** Replaces each text, which must occur. */
const adapt = (config: string, changes: Record<string, string>) =>
  Object.entries(changes).reduce((text, [from, to]) => {
    if (!text.includes(from)) throw new Error(`The configuration doesn't contain "${from}".`)
    return text.replaceAll(from, to)
  }, config)

interface Files {
  readonly folder: string
  readonly certificate: string
  readonly key: string
}

interface Ports {
  readonly proxy: number
  readonly platform: number
}

/** Each writes the configuration of a proxy and returns the command that runs it. */
const proxies: Record<string, (files: Files, ports: Ports) => [string, ...string[]]> = {
  nginx: ({ folder, certificate, key }, { proxy, platform }) => {
    const config = join(folder, 'nginx.conf')
    const server = adapt(block('nginx'), {
      '127.0.0.1:8787': `127.0.0.1:${platform}`,
      'listen 443': `listen 127.0.0.1:${proxy}`,
      [`/etc/letsencrypt/live/${hostname}/fullchain.pem`]: certificate,
      [`/etc/letsencrypt/live/${hostname}/privkey.pem`]: key,
    })
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    const paths = temporary.map((name) => `${name}_temp_path ${join(folder, name)};`).join('\n')
    const user = process.getuid?.() === 0 ? 'user root;\n' : ''
    writeFileSync(
      config,
      `${user}daemon off;\npid ${folder}/pid;\nevents {}\nhttp {\naccess_log off;\n${paths}\n${server}}\n`,
    )
    return ['nginx', '-p', folder, '-e', join(folder, 'error.log'), '-c', config]
  },
  caddy: ({ folder, certificate, key }, { proxy, platform }) => {
    const config = join(folder, 'Caddyfile')
    const site = adapt(block('caddyfile'), {
      '127.0.0.1:8787': `127.0.0.1:${platform}`,
      [`${hostname} {`]: `https://${hostname}:${proxy} {\n\tbind 127.0.0.1\n\ttls ${certificate} ${key}`,
    })
    writeFileSync(config, `{\n\tadmin off\n\tauto_https disable_redirects\n}\n${site}`)
    return ['caddy', 'run', '--config', config, '--adapter', 'caddyfile']
  },
}

/** The names of the proxies. */
export const proxyNames = Object.keys(proxies)

/** A proxy in front of an instance. */
export interface RunningProxy {
  readonly url: string
  /** Returns connections to the proxy from a local IP address. */
  connectFrom(localAddress: string, allowH2?: boolean): Agent
  stop(): Promise<void>
}

/** Returns a URL with a free port for a proxy. The instance behind it needs the URL when it starts. */
export const chooseProxyUrl = async (): Promise<string> => `https://${hostname}:${await findFreePort()}`

/** Starts a proxy at a URL of `chooseProxyUrl`, in front of the instance at `platformUrl`. Its files are in `folder`. */
export async function startReverseProxy(
  name: string,
  folder: string,
  url: string,
  platformUrl: string,
): Promise<RunningProxy> {
  const files = { folder, certificate: join(folder, 'certificate.pem'), key: join(folder, 'key.pem') }
  createCertificate(files)
  const port = Number(new URL(url).port)
  const command = proxies[name]?.(files, { proxy: port, platform: Number(new URL(platformUrl).port) })
  const proxy = await startProxy(command as [string, ...string[]], folder, port)
  const agents: Agent[] = []
  return {
    url,
    connectFrom: (localAddress, allowH2 = false) => {
      const agent = new Agent({
        allowH2,
        localAddress,
        connect: {
          ca: readFileSync(files.certificate, 'utf8'),
          lookup: (_hostname, { all }, done) =>
            all ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4),
        },
      })
      agents.push(agent)
      return agent
    },
    stop: async () => {
      await Promise.all(agents.map((agent) => agent.destroy()))
      await proxy.stop()
    },
  }
}

function createCertificate({ certificate, key }: Files): void {
  const names = ['-subj', `/CN=${hostname}`, '-addext', `subjectAltName=DNS:${hostname}`]
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  execFileSync('openssl', ['req', '-x509', ...curve, '-days', '2', ...names, '-keyout', key, '-out', certificate], {
    stdio: 'ignore',
  })
}

/** Returns a port that is free now, for programs that can't choose one themselves. */
export async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

/** Starts a proxy in a folder, and waits until it accepts connections. */
async function startProxy([command, ...args]: [string, ...string[]], folder: string, port: number) {
  const home = join(folder, 'home')
  mkdirSync(home)
  const { PATH } = process.env
  const child = spawn(command, args, {
    cwd: folder,
    env: { PATH: `${PATH}:/usr/sbin`, HOME: home, XDG_DATA_HOME: home, XDG_CONFIG_HOME: home },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const exited = once(child, 'exit')
  const stop = async () => {
    child.kill('SIGTERM')
    await exited
  }
  for (;;) {
    if (child.exitCode !== null) throw new Error(`${command} ended: ${stderr}`)
    const isUp = await fetch(`http://127.0.0.1:${port}/`).then(
      () => true,
      (cause) => cause.cause?.code !== 'ECONNREFUSED',
    )
    if (isUp) return { stop }
    await delay(50)
  }
}
