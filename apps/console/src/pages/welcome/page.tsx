import { Link } from 'react-router'
import { useApiMutation, useApiQuery } from '../../api/hooks.ts'
import { useBilling } from '../../shell/billing.ts'
import { useCan } from '../../shell/membership.ts'
import { usePackageSpec } from '../../shell/packages.ts'
import { databasePath, namespacePath, useNamespace } from '../../shell/paths.ts'
import { NO_CREDIT } from '../../shell/welcome-credit.ts'
import { Button } from '../../ui/button.tsx'
import { ChoiceTabs } from '../../ui/choice-tabs.tsx'
import { CodeBlock } from '../../ui/code-block.tsx'
import { CopyButton } from '../../ui/copy-button.tsx'
import { ErrorPanel } from '../../ui/error-panel.tsx'
import { formatUsd } from '../../ui/format.ts'
import { Card, Page } from '../../ui/page.tsx'
import { Skeleton } from '../../ui/skeleton.tsx'
import { snippets } from './snippets.ts'

/** The setup of a new namespace: balance, token, and snippets that return the first rows. */
export function WelcomePage() {
  const ns = useNamespace()
  const databases = useApiQuery('GET /api/namespaces/{ns}/databases', { ns })
  const minting = useApiMutation('POST /api/namespaces/{ns}/tokens', ['GET /api/namespaces/{ns}/tokens'])
  const slug = (databases.data?.find(({ slug }) => slug === 'main') ?? databases.data?.[0])?.slug ?? 'main'
  const token = minting.data?.token
  const mayMint = useCan('admin')
  const sdk = usePackageSpec()('@persql/sdk')
  const place = { origin: location.origin, address: `${ns}/${slug}`, token: token ?? 'YOUR_TOKEN', sdk }
  return (
    <Page title={`Welcome to ${ns}`} lead="Run your first query in 2 minutes: create a token, then paste a command.">
      <div className="grid gap-6 lg:grid-cols-2">
        <Balance ns={ns} />
        <Card title="Your database">
          {databases.error && <ErrorPanel error={databases.error} onRetry={databases.refetch} />}
          {databases.data?.length === 0 ? (
            <p>
              This namespace has no databases yet.{' '}
              {mayMint ? (
                <>
                  The first query with your token creates{' '}
                  <code className="font-mono wrap-anywhere">{`${ns}/${slug}`}</code>. Or{' '}
                  <Link className="text-accent underline" to={`${namespacePath(ns)}?new=`}>
                    create a database
                  </Link>{' '}
                  with another name.
                </>
              ) : (
                'Ask an editor of this namespace to create one.'
              )}
            </p>
          ) : databases.data ? (
            <p>
              <Link className="font-mono font-medium text-accent underline wrap-anywhere" to={databasePath(ns, slug)}>
                {ns}/{slug}
              </Link>{' '}
              is an isolated SQLite file. Create one per app, agent or customer.
            </p>
          ) : (
            <Skeleton className="h-12" />
          )}
        </Card>
      </div>
      <TokenCard ns={ns} mayMint={mayMint} minting={minting} />
      <Card title="Run your first query">
        <ChoiceTabs
          label="Client"
          param="client"
          choices={snippets(place).map(({ id, name, where, code }) => ({
            id,
            name,
            content: (
              <>
                <p className="text-muted wrap-anywhere">
                  {where}
                  {token
                    ? ':'
                    : mayMint
                      ? '. Create a token above to fill it in here.'
                      : '. Replace YOUR_TOKEN with your token:'}
                </p>
                <CodeBlock label={name} code={code} />
              </>
            ),
          }))}
        />
      </Card>
    </Page>
  )
}

type Minting = ReturnType<typeof useApiMutation<'POST /api/namespaces/{ns}/tokens'>>

function TokenCard({ ns, mayMint, minting }: { ns: string; mayMint: boolean; minting: Minting }) {
  const { data, error, isPending, mutate } = minting
  return (
    <Card title="Your token">
      {data ? (
        <>
          <p>Copy the token now. You won't be able to see it again. You can revoke it in Settings.</p>
          <div className="flex flex-wrap items-center gap-2">
            <code className="min-w-0 rounded-field border border-line bg-sunken px-3 py-1.5 font-mono text-sm break-all">
              {data.token}
            </code>
            <CopyButton text={data.token} label="Copy token" />
          </div>
        </>
      ) : (
        <>
          <p className="text-muted">
            {mayMint
              ? 'Apps authenticate with a token. The token you create here has full access. Create limited tokens in Settings.'
              : 'Apps authenticate with a token. Ask a namespace admin for one.'}
          </p>
          {mayMint && (
            <div>
              <Button look="primary" busy={isPending} onClick={() => mutate({ ns, name: 'First token' })}>
                Create token
              </Button>
            </div>
          )}
        </>
      )}
      {error && <ErrorPanel error={error} />}
    </Card>
  )
}

function Balance({ ns }: { ns: string }) {
  const isOwner = useCan('owner')
  const { data, error } = useBilling(ns, { enabled: isOwner })
  return (
    <Card title="Balance">
      {error ? (
        <ErrorPanel error={error} />
      ) : isOwner ? (
        <>
          <p className="text-3xl font-semibold tabular-nums">
            {data ? formatUsd(data.balanceUsd) : <Skeleton className="h-9 w-28" />}
          </p>
          {data?.welcomeCredit.reason && <p>{NO_CREDIT[data.welcomeCredit.reason]}</p>}
          <p className="text-muted">
            Prepaid: $0.50 per million requests, $0.005 per million rows read. When the balance runs out, requests are
            refused; your data is kept.{' '}
            <Link className="text-accent underline" to={namespacePath(ns, 'settings')}>
              Settings
            </Link>
          </p>
        </>
      ) : (
        <p className="text-muted">Owners manage billing for this namespace.</p>
      )}
    </Card>
  )
}
