import type { Env } from '../env.ts'
export interface Message {
  readonly to: string
  readonly subject: string
  readonly text: string
}
export interface Mail {
  send(message: Message): Promise<void>
}
export function mailOf(_env: Env): Mail | undefined {
  return undefined
}
