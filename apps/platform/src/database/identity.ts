/** Who a database is. Its object knows only once its namespace has said so. */
export interface Identity {
  readonly id: string
  readonly namespace: string
  readonly slug: string
}
