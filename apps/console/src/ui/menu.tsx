import { DropdownMenu } from 'radix-ui'
import type { ReactNode } from 'react'

interface MenuProps {
  /** The button that opens the menu. */
  trigger: ReactNode
  children: ReactNode
}

/** A menu of actions. It isn't modal: Radix locks the page with a style element, which the CSP blocks. */
export const Menu = ({ trigger, children }: MenuProps) => (
  <DropdownMenu.Root modal={false}>
    <DropdownMenu.Trigger asChild>{trigger}</DropdownMenu.Trigger>
    <DropdownMenu.Portal>
      <DropdownMenu.Content
        align="end"
        sideOffset={6}
        collisionPadding={8}
        className="z-50 min-w-48 animate-arrive rounded-card border border-line bg-raised p-1 shadow-float"
      >
        {children}
      </DropdownMenu.Content>
    </DropdownMenu.Portal>
  </DropdownMenu.Root>
)

const ITEM =
  'flex w-full items-center gap-2 rounded-field px-3 py-2 text-left outline-none data-highlighted:bg-accent-soft data-disabled:opacity-60'

interface MenuItemProps {
  onSelect?: () => void
  disabled?: boolean
  tone?: 'danger'
  /** Whether the only child, a link, becomes the item. */
  asChild?: boolean
  children: ReactNode
}

/** A menu item that runs an action. */
export const MenuItem = ({ tone, ...rest }: MenuItemProps) => (
  <DropdownMenu.Item {...rest} className={tone === 'danger' ? `${ITEM} text-danger` : ITEM} />
)

interface MenuChoiceProps<T extends string> {
  label: string
  value: T
  options: readonly (readonly [T, string])[]
  onChange: (value: T) => void
}

/** A group of menu items of which one is selected. */
export const MenuChoice = <T extends string>({ label, value, options, onChange }: MenuChoiceProps<T>) => (
  <DropdownMenu.RadioGroup value={value} onValueChange={(next) => onChange(next as T)} aria-label={label}>
    <MenuLabel>{label}</MenuLabel>
    {options.map(([key, name]) => (
      <DropdownMenu.RadioItem key={key} value={key} className={`${ITEM} justify-between`}>
        {name}
        <DropdownMenu.ItemIndicator>✓</DropdownMenu.ItemIndicator>
      </DropdownMenu.RadioItem>
    ))}
  </DropdownMenu.RadioGroup>
)

/** A heading in a menu. */
export const MenuLabel = ({ children }: { children: ReactNode }) => (
  <DropdownMenu.Label className="px-3 pt-2 pb-1 text-xs font-medium text-muted">{children}</DropdownMenu.Label>
)

/** A line between sections of a menu. */
export const MenuSeparator = () => <DropdownMenu.Separator className="my-1 h-px bg-line" />
