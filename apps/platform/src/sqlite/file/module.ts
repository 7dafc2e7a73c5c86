import module from '@sqlite.org/sqlite-wasm/sqlite3.wasm'

/** SQLite as WebAssembly, compiled ahead: the runtime compiles no code that it was not started with. */
export const sqliteModule: WebAssembly.Module = module
