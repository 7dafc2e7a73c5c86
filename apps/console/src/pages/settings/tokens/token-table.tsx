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
      { name: 'Databases', isExtra: true, cell: ({ databases }) => <Names names={databases} all="All" /> },
      { name: 'Tables', isExtra: true, cell: ({ tableScope }) => <Names names={tableScope} all="All" /> },
      { name: 'Origins', isExtra: true, cell: ({ origins }) => <Names names={origins} all="None" /> },
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

/** Names in the code font, or a label for no limit. */
const Names = ({ names, all }: { names: readonly string[] | null; all: string }) =>
  names === null ? (
    <span className="text-muted">{all}</span>
  ) : (
    <span className="font-mono text-sm wrap-anywhere">{names.join(', ')}</span>
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
