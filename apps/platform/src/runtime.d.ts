// What workerd and Node have and the type packages do not know yet.

interface JSON {
  /** Text that JSON.stringify takes over as it is: numbers that a JavaScript number cannot spell. */
  rawJSON(text: string): object
}

declare module 'node:zlib' {
  export function crc32(data: string): number
}

declare module '*.wasm' {
  const module: WebAssembly.Module
  export default module
}
