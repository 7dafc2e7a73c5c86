export { PrismaPerSQL, type PrismaPerSQLOptions } from './factory.ts'
