/** How large a database was at a moment. */
export interface SizeMeasurement {
  readonly storedBytes: number
  readonly rows: number
  readonly rowsAreEstimated: boolean
  readonly measuredAtMs: number
}
