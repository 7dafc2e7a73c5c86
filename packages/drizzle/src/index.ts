export { drizzle, type PerSQLDatabase } from './database.ts'
