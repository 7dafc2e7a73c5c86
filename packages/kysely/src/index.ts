export { PerSQLDialect, type PerSQLDialectConfig } from './dialect.ts'
