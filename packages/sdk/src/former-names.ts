import type { PerSQLDatabase } from './database.ts'
import type { NamespaceResources } from './namespace-resources.ts'
import type { DatabaseResources, SettingsResource } from './resources.ts'
import type { BranchHandoff, DoctorReport, ImportResult, SchemaDescription } from './types.ts'

// Names of types in earlier versions. They stay until the next major version.

/** @deprecated Use `PerSQLDatabase`. */
export type Database = PerSQLDatabase
/** @deprecated Use `NamespaceResources`. */
export type OfNamespace = NamespaceResources
/** @deprecated Use `DatabaseResources`. */
export type OfDatabase = DatabaseResources
/** @deprecated Use `SettingsResource`. */
export type SettingsOf = SettingsResource
/** @deprecated Use `SchemaDescription`. */
export type Described = SchemaDescription
/** @deprecated Use `DoctorReport`. */
export type Diagnosis = DoctorReport
/** @deprecated Use `ImportResult`. */
export type Imported = ImportResult
/** @deprecated Use `BranchHandoff`. */
export type HandedOff = BranchHandoff
