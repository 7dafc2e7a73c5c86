import { LogOut, UserRound } from 'lucide-react'
import { Button } from '../ui/button.tsx'
import { Menu, MenuChoice, MenuItem, MenuLabel, MenuSeparator } from '../ui/menu.tsx'
import { chooseTheme, useTheme } from '../ui/theme.ts'
import { useAccount } from './account.ts'
import { signOut } from './sign-in.ts'

/** The menu with the account's email address, the theme and the sign-out button. */
export function AccountMenu({ isWide }: { isWide: boolean }) {
  const theme = useTheme()
  const email = useAccount().data?.user.email
  return (
    <Menu
      trigger={
        <Button
          look="quiet"
          size={isWide ? 'normal' : 'icon'}
          align={isWide ? 'start' : 'center'}
          className={isWide ? 'w-full px-2.5' : ''}
          aria-label={email ? `Account ${email}` : 'Account'}
        >
          <UserRound aria-hidden className="size-4 shrink-0" />
          {isWide && <span className="min-w-0 truncate">{email ?? 'Account'}</span>}
        </Button>
      }
    >
      {email && <MenuLabel>{email}</MenuLabel>}
      <MenuChoice
        label="Theme"
        value={theme}
        options={[
          ['system', 'System'],
          ['light', 'Light'],
          ['dark', 'Dark'],
        ]}
        onChange={chooseTheme}
      />
      <MenuSeparator />
      <MenuItem onSelect={() => void signOut()}>
        <LogOut aria-hidden className="size-4" />
        Sign out
      </MenuItem>
    </Menu>
  )
}
