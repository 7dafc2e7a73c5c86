import { type KeyboardEvent, type PointerEvent, useEffect, useRef, useState } from 'react'

const STEP = 60
const ZOOM = 1.25
const CLICK_PX = 4
const ARROWS: Readonly<Record<string, readonly [right: number, down: number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
}
const ZOOM_KEYS: Readonly<Record<string, number>> = { '+': ZOOM, '=': ZOOM, '-': 1 / ZOOM }

interface View {
  x: number
  y: number
  scale: number
}

/** Returns the state and handlers that pan and zoom a diagram with pointer, wheel and keys. */
export function useView() {
  const [view, setView] = useState<View>({ x: 0, y: 0, scale: 1 })
  const frame = useRef<HTMLElement>(null)
  const grip = useRef<{ x: number; y: number; isMoved: boolean }>(undefined)
  const zoom = (by: number) =>
    setView((before) => ({ ...before, scale: Math.min(8, Math.max(0.25, before.scale * by)) }))
  const move = (x: number, y: number) => setView((before) => ({ ...before, x: before.x + x, y: before.y + y }))
  const fit = () => setView({ x: 0, y: 0, scale: 1 })

  useEffect(() => {
    const element = frame.current
    // React adds passive wheel listeners, which can't stop the page from scrolling.
    const onWheel = (event: WheelEvent) => {
      if (!event.ctrlKey && !event.metaKey) return
      event.preventDefault()
      setView((before) => ({
        ...before,
        scale: Math.min(8, Math.max(0.25, before.scale * (event.deltaY < 0 ? 1.1 : 1 / 1.1))),
      }))
    }
    element?.addEventListener('wheel', onWheel, { passive: false })
    return () => element?.removeEventListener('wheel', onWheel)
  }, [])

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return
    const [right, down] = ARROWS[event.key] ?? []
    const by = ZOOM_KEYS[event.key]
    if (right !== undefined && down !== undefined) move(-right * STEP, -down * STEP)
    else if (by !== undefined) zoom(by)
    else if (event.key === '0') fit()
    else return
    event.preventDefault()
  }
  const onPointerDown = ({ clientX: x, clientY: y, button }: PointerEvent) => {
    if (button === 0) grip.current = { x, y, isMoved: false }
  }
  const onPointerMove = (event: PointerEvent) => {
    const { clientX: x, clientY: y } = event
    const held = grip.current
    if (!held || (!held.isMoved && Math.hypot(x - held.x, y - held.y) < CLICK_PX)) return
    // A drag isn't a click on a table anymore.
    event.currentTarget.setPointerCapture(event.pointerId)
    move(x - held.x, y - held.y)
    grip.current = { x, y, isMoved: true }
  }
  const onPointerUp = () => {
    grip.current = undefined
  }
  return {
    view,
    frame,
    fit,
    zoomIn: () => zoom(ZOOM),
    zoomOut: () => zoom(1 / ZOOM),
    handlers: { onKeyDown, onPointerDown, onPointerMove, onPointerUp, onPointerCancel: onPointerUp },
  }
}
