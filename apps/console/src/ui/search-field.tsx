import { Input } from './input.tsx'

interface SearchFieldProps {
  label: string
  value: string
  onChange: (value: string) => void
  /** Chooses the first match. */
  onEnter: () => void
}

/** A search field for a list. */
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
