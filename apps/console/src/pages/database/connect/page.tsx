import { useState } from 'react'
import { Link } from 'react-router'
import { usePackageSpec } from '../../../shell/packages.ts'
import { namespacePath, useDatabase, useNamespace } from '../../../shell/paths.ts'
import { ChoiceTabs } from '../../../ui/choice-tabs.tsx'
import { CodeBlock } from '../../../ui/code-block.tsx'
import { Card, Page } from '../../../ui/page.tsx'
import { ConnectToken } from './connect-token.tsx'
import { agents, getEnvironment, programs, type Snippet, type Target } from './snippets.ts'

/** Snippets that connect programs and agents to a database, ready to paste. */
export function ConnectPage() {
  const ns = useNamespace()
  const db = useDatabase()
  const [token, setToken] = useState<string>()
  const toPackageSpec = usePackageSpec()
  const target: Target = { origin: location.origin, address: `${ns}/${db}`, token, toPackageSpec }
  return (
    <Page title="Connect" lead={`Connect to ${ns}/${db}. Copy and paste any snippet below.`}>
      <Card title="1. Set your token">
        <ConnectToken db={db} token={token} onToken={setToken} />
        <CodeBlock label="Environment variables" code={getEnvironment(target)} />
      </Card>
      <Card title="2. Connect your app">
        <Snippets label="Languages and frameworks" param="program" snippets={programs(target)} />
      </Card>
      <Card title="Connect an agent over MCP">
        <p className="text-muted">
          {token
            ? 'Includes the token above. Without a token, the agent asks you to authorize it in the browser.'
            : 'No token needed. The agent opens a page where you choose what it can access. Manage authorized apps under '}
          {!token && (
            <Link className="text-accent underline" to={namespacePath(ns, 'settings', 'apps')}>
              Connected apps
            </Link>
          )}
          {!token && '.'}
        </p>
        <Snippets label="Agents" param="agent" snippets={agents(target)} />
      </Card>
    </Page>
  )
}

const Snippets = ({ label, param, snippets }: { label: string; param: string; snippets: readonly Snippet[] }) => (
  <ChoiceTabs
    label={label}
    param={param}
    choices={snippets.map(({ id, name, steps }) => ({
      id,
      name,
      content: steps.map(({ say, label, code }) => (
        <div key={label} className="grid min-w-0 gap-2">
          <p className="text-muted">{say}</p>
          <CodeBlock label={label} code={code} />
        </div>
      )),
    }))}
  />
)
