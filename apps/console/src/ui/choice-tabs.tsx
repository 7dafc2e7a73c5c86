import { Tabs } from 'radix-ui'
import type { ReactNode } from 'react'
import { useSearchParams } from 'react-router'

interface ChoiceTabsProps {
  label: string
  /** The query parameter for the selected tab, as in `?client=curl`. */
  param: string
  choices: readonly { id: string; name: string; content: ReactNode }[]
}

/** Tabs with alternatives for one task. The URL stores the selected tab. */
export function ChoiceTabs({ label, param, choices }: ChoiceTabsProps) {
  const [search, setSearch] = useSearchParams()
  const wanted = search.get(param)
  const chosen = choices.find(({ id }) => id === wanted) ?? choices[0]
  const choose = (id: string) =>
    setSearch(
      (before) => {
        before.set(param, id)
        return before
      },
      { replace: true, preventScrollReset: true },
    )
  return (
    <Tabs.Root value={chosen?.id ?? ''} onValueChange={choose} className="grid min-w-0 gap-3">
      <Tabs.List aria-label={label} className="flex flex-wrap gap-1">
        {choices.map(({ id, name }) => (
          <Tabs.Trigger
            key={id}
            value={id}
            className="rounded-full border border-transparent px-3 py-1 text-sm text-muted hover:bg-sunken data-[state=active]:border-line data-[state=active]:bg-sunken data-[state=active]:font-medium data-[state=active]:text-ink"
          >
            {name}
          </Tabs.Trigger>
        ))}
      </Tabs.List>
      {choices.map(({ id, content }) => (
        <Tabs.Content key={id} value={id} className="grid min-w-0 gap-3">
          {content}
        </Tabs.Content>
      ))}
    </Tabs.Root>
  )
}
