// APIs of workerd and Node that the type packages don't have yet.

interface JSON {
  /**
   * Returns a value that `JSON.stringify` writes as this text, such as a number that a JavaScript number can't
   * represent.
   */
  rawJSON(text: string): object
}

declare module 'node:zlib' {
  export function crc32(data: string): number
}

declare module '*.wasm' {
  const module: WebAssembly.Module
  export default module
}
