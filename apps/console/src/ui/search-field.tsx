import { Input } from './input.tsx'

interface SearchFieldProps {
  label: string
  value: string
  onChange: (value: string) => void
  /** Takes the first of what is shown. */
  onEnter: () => void
}

/** Where one types what to look for in a list. */
export const SearchField = ({ label, value, onChange, onEnter }: SearchFieldProps) => (
  <Input
    type="search"
    aria-label={label}
    placeholder={label}
    value={value}
    onChange={({ target }) => onChange(target.value)}
    onKeyDown={({ key }) => {
      if (key === 'Enter') onEnter()
    }}
    autoComplete="off"
    autoCapitalize="none"
    spellCheck={false}
  />
)
