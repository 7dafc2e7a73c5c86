import type { LucideIcon } from 'lucide-react'
import type { ComponentType } from 'react'

/** A page of a database or of the settings. */
export interface Tab {
  path: string
  name: string
  /** The heading above it in the side navigation. */
  group: string
  icon: LucideIcon
  /** Search terms for the command palette, besides the name. */
  words: string
  /** Whether the page uses the full width. */
  isWide?: boolean
  load: () => Promise<ComponentType>
}

/** The pages that the app passes to the shell. The shell imports no pages. */
export interface Tabs {
  readonly database: readonly Tab[]
  readonly settings: readonly Tab[]
}
