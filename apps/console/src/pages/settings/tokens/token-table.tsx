import type { Token } from '@persql/contract'
import { Badge } from '../../../ui/badge.tsx'
import { Button } from '../../../ui/button.tsx'
import { formatAgo, formatMoment } from '../../../ui/format.ts'
import { Table } from '../../../ui/table.tsx'
import { ROLE_NAMES } from './token-options.ts'

const TONES = { readonly: 'neutral', readwrite: 'accent', admin: 'warning' } as const

interface TokenTableProps {
  tokens: readonly Token[]
  onRotate: (token: Token) => void
  onRevoke: (token: Token) => void
}

/** The tokens, without their secrets. */
export const TokenTable = ({ tokens, onRotate, onRevoke }: TokenTableProps) => (
  <Table
    label="Tokens"
    rows={tokens}
    getKey={({ id }) => id}
    columns={[
      {
        name: 'Name',
        cell: ({ name, preview }) => (
          <span className="grid sm:min-w-36">
            <span className="wrap-anywhere">{name}</span>
            <code className="font-mono text-xs font-normal text-muted">{preview}</code>
          </span>
        ),
      },
      {
        name: 'Role',
        cell: ({ role }) => (
          <span className="whitespace-nowrap">
            <Badge tone={TONES[role]}>{ROLE_NAMES[role]}</Badge>
          </span>
        ),
      },
      { name: 'Access', isExtra: true, cell: (token) => <Access {...token} /> },
      { name: 'Expires', isExtra: true, cell: ({ expiresAt }) => <Expiry at={expiresAt} /> },
      {
        name: 'Created',
        isExtra: true,
        cell: ({ createdAt }) => <time dateTime={createdAt}>{formatAgo(createdAt)}</time>,
      },
      {
        name: 'Actions',
        isUnnamed: true,
        isNumber: true,
        cell: (token) => (
          <span className="flex flex-wrap justify-end gap-2 sm:flex-nowrap">
            {/* Apps renew their tokens themselves. */}
            {token.preview !== 'app' && (
              <Button size="small" onClick={() => onRotate(token)} aria-label={`Rotate ${token.name}`}>
                Rotate
              </Button>
            )}
            <Button size="small" onClick={() => onRevoke(token)} aria-label={`Revoke ${token.name}`}>
              Revoke
            </Button>
          </span>
        ),
      },
    ]}
  />
)

/** The databases, tables and origins that a token is limited to. */
function Access({ select, tableScope, origins }: Pick<Token, 'select' | 'tableScope' | 'origins'>) {
  return (
    <span className="grid gap-1 lg:min-w-40">
      {select === null && tableScope === null && <span className="text-muted">All data</span>}
      <Limit
        name={select?.branches ? 'Databases and their branches' : 'Databases'}
        values={select?.databases ?? null}
      />
      {select?.within?.map(({ databases }) => (
        <Limit key={databases.join()} name="Within" values={databases} />
      ))}
      <Limit name="Tables" values={tableScope} />
      <Limit name="Origins" values={origins} />
    </span>
  )
}

/** The values of a limit, if there is one. */
const Limit = ({ name, values }: { name: string; values: readonly string[] | null }) =>
  values && (
    <span className="grid">
      <span className="text-xs text-muted">{name}</span>
      <span className="font-mono text-sm wrap-anywhere">{values.join(', ')}</span>
    </span>
  )

function Expiry({ at }: { at: string | null }) {
  if (at === null) return <span className="text-muted">Never</span>
  if (Date.parse(at) <= Date.now()) return <Badge tone="danger">Expired</Badge>
  return (
    <time dateTime={at} title={formatMoment(at)}>
      {formatAgo(at)}
    </time>
  )
}
