import { Tooltip as Primitive } from 'radix-ui'
import type { ReactNode } from 'react'

/** A short text about a control, on hover and focus. The control needs a name besides it. */
export const Tooltip = ({ text, children }: { text: string; children: ReactNode }) => (
  <Primitive.Provider delayDuration={300}>
    <Primitive.Root>
      <Primitive.Trigger asChild>{children}</Primitive.Trigger>
      <Primitive.Portal>
        <Primitive.Content
          sideOffset={6}
          collisionPadding={8}
          className="z-50 max-w-xs rounded-field bg-ink px-2.5 py-1.5 text-sm text-canvas"
        >
          {text}
        </Primitive.Content>
      </Primitive.Portal>
    </Primitive.Root>
  </Primitive.Provider>
)
