import { Check, type LucideIcon, Search } from 'lucide-react'
import { type KeyboardEvent, useEffect, useId, useRef, useState } from 'react'
import { classes } from './class-names.ts'
import { formatCount } from './format.ts'
import { type Findable, matching } from './fuzzy-match.ts'

/** An entry of the list and its action. */
export interface Choice extends Findable {
  id: string
  icon?: LucideIcon | undefined
  /** A short note at the end of the row. */
  hint?: string | undefined
  /** Marks the current page or object. */
  isCurrent?: boolean | undefined
  choose: () => void
}

interface FinderProps {
  /** The label of the field and of the list. */
  label: string
  choices: readonly Choice[]
  /** Runs after the action and closes the finder's container. */
  onChosen: () => void
  /** The text for a search without matches. */
  none: string
}

/** A search field over a list. The arrow keys move the selection and Enter chooses; the focus stays in the field. */
export function Finder({ label, choices, onChosen, none }: FinderProps) {
  const id = useId()
  const list = useRef<HTMLDivElement>(null)
  const [text, setText] = useState('')
  const found = matching(choices, text)
  const [marked, setMarked] = useState<string | undefined>(() => choices.find(({ isCurrent }) => isCurrent)?.id)
  const at = Math.max(
    0,
    found.findIndex((choice) => choice.id === marked),
  )
  const active = found[at]
  useEffect(() => {
    if (active) list.current?.querySelector('[aria-selected=true]')?.scrollIntoView({ block: 'nearest' })
  }, [active])
  const take = (choice: Choice | undefined) => {
    if (!choice) return
    onChosen()
    choice.choose()
  }
  const press = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing) return
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 }[event.key]
    if (steps === undefined && event.key !== 'Enter') return
    event.preventDefault()
    if (steps === undefined) take(active)
    else setMarked(found[placeAfter(at, steps, found.length)]?.id)
  }
  const groups = [...new Set(found.map(({ group }) => group))]
  // Table names can contain spaces, which would split the ID into several.
  const optionId = (choice: Choice) => `${id}-${encodeURIComponent(choice.id)}`
  const option = (choice: Choice) => (
    <Option
      key={choice.id}
      id={optionId(choice)}
      choice={choice}
      isActive={choice === active}
      onPoint={() => setMarked(choice.id)}
      onTake={() => take(choice)}
    />
  )
  return (
    <>
      <div className="flex items-center gap-2.5 border-b border-line px-3.5">
        <Search aria-hidden className="size-4 shrink-0 text-muted" />
        <input
          role="combobox"
          aria-label={label}
          aria-expanded={found.length > 0}
          aria-controls={`${id}-list`}
          aria-autocomplete="list"
          aria-activedescendant={active && optionId(active)}
          placeholder={label}
          value={text}
          onChange={({ target }) => {
            setText(target.value)
            setMarked(undefined)
          }}
          onKeyDown={press}
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
          className="h-11 w-full min-w-0 bg-transparent text-ink outline-none placeholder:text-muted"
        />
      </div>
      {found.length === 0 && <p className="p-4 text-sm text-muted">{none}</p>}
      <div
        ref={list}
        id={`${id}-list`}
        role="listbox"
        aria-label={label}
        tabIndex={-1}
        className={classes('min-h-0 overflow-y-auto overscroll-contain p-1.5', found.length === 0 && 'hidden')}
      >
        {groups.map((group) =>
          group === undefined ? (
            found.filter((choice) => choice.group === undefined).map(option)
          ) : (
            // biome-ignore lint/a11y/useSemanticElements: a fieldset can't group options
            <div key={group} role="group" aria-label={group} className="pb-1.5 last:pb-0">
              <p aria-hidden className="px-2.5 pt-1.5 pb-1 text-xs font-medium text-muted">
                {group}
              </p>
              {found.filter((choice) => choice.group === group).map(option)}
            </div>
          ),
        )}
      </div>
      <p role="status" className="sr-only">
        {text && (found.length === 0 ? none : formatCount(found.length, 'result'))}
      </p>
    </>
  )
}

/** Moves the selection. Single steps wrap around, larger steps stop at the ends. */
function placeAfter(at: number, steps: number, count: number): number {
  if (count === 0) return 0
  return Math.abs(steps) === 1 ? (at + steps + count) % count : Math.max(0, Math.min(count - 1, at + steps))
}

interface OptionProps {
  id: string
  choice: Choice
  isActive: boolean
  onPoint: () => void
  onTake: () => void
}

const Option = ({ id, choice: { icon: Icon, name, hint, isCurrent }, isActive, onPoint, onTake }: OptionProps) => (
  // biome-ignore lint/a11y/useKeyWithClickEvents: the field has the focus and handles the keys
  <div
    id={id}
    role="option"
    aria-selected={isActive}
    tabIndex={-1}
    onPointerMove={onPoint}
    onPointerDown={(event) => event.preventDefault()}
    onClick={onTake}
    className={classes(
      'flex min-h-9 cursor-pointer scroll-my-8 items-center gap-2.5 rounded-field px-2.5 py-1.5 text-sm',
      isActive && 'bg-accent-soft',
    )}
  >
    {Icon && (
      <Icon aria-hidden className={classes('size-4 shrink-0', isActive ? 'text-accent-strong' : 'text-muted')} />
    )}
    <span className="min-w-0 grow truncate">{name}</span>
    {hint && <span className="max-w-1/2 shrink-0 truncate text-muted">{hint}</span>}
    {isCurrent && <Check aria-hidden className="size-4 shrink-0 text-accent" />}
    {isCurrent && <span className="sr-only">(here)</span>}
  </div>
)
