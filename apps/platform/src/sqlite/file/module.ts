import module from '@sqlite.org/sqlite-wasm/sqlite3.wasm'

/** SQLite as precompiled WebAssembly: the runtime doesn't compile code at run time. */
export const sqliteModule: WebAssembly.Module = module
