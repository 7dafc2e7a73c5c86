import type { LucideIcon } from 'lucide-react'
import type { ComponentType } from 'react'

/** A page of a database or of the settings: the last part of its address, its names, and how it is loaded. */
export interface Tab {
  path: string
  name: string
  /** What it stands with at the side. */
  group: string
  icon: LucideIcon
  /** Other words by which somebody may look for it. */
  words: string
  /** It takes all the room there is. */
  isWide?: boolean
  load: () => Promise<ComponentType>
}

/** The pages that the app hands to the shell, which knows none of them. */
export interface Tabs {
  readonly database: readonly Tab[]
  readonly settings: readonly Tab[]
}
