export { PerSQLSaver } from './saver.ts'
