import { useMemo } from 'react'
import { useSearchParams } from 'react-router'
import type { RowIdentity } from './row-identity.ts'
import type { TableView } from './row-queries.ts'

/** Returns the sort order and filters, which the URL stores: `?sort=-name&where.email=@example.com`. */
export function useTableView({ columns }: RowIdentity) {
  const [search, setSearch] = useSearchParams()
  const look = useMemo((): TableView => {
    const [, minus, column = ''] = /^(-?)(.*)$/s.exec(search.get('sort') ?? '') ?? []
    const names = columns.map(({ name }) => name)
    return {
      ...(names.includes(column) && { sort: { column, isDown: minus === '-' } }),
      filters: Object.fromEntries(
        names.flatMap((name) => {
          const text = search.get(`where.${name}`)
          return text ? [[name, text]] : []
        }),
      ),
    }
  }, [search, columns])
  const put = (name: string, value: string) =>
    setSearch(
      (before) => {
        if (value) before.set(name, value)
        else before.delete(name)
        return before
      },
      { replace: true, preventScrollReset: true },
    )
  return {
    look,
    isFiltered: Object.keys(look.filters).length > 0,
    filter: (column: string, text: string) => put(`where.${column}`, text.trim()),
    /** Cycles through ascending, descending and the default order. */
    sort: (column: string) => {
      const isThis = look.sort?.column === column
      put('sort', !isThis ? column : look.sort?.isDown ? '' : `-${column}`)
    },
    unsort: () => put('sort', ''),
    /** Removes the filters and keeps the order. */
    clear: () =>
      setSearch((before) => new URLSearchParams([...before].filter(([name]) => !name.startsWith('where.'))), {
        replace: true,
        preventScrollReset: true,
      }),
  }
}
