/** The size of a database at one time. */
export interface SizeMeasurement {
  readonly storedBytes: number
  readonly rows: number
  readonly rowsAreEstimated: boolean
  readonly measuredAtMs: number
}
