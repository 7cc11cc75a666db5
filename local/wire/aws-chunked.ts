import { AwsError } from './service.ts'

const LINE_END = Buffer.from('\r\n')

/**
 * Takes the `aws-chunked` framing off a body: `<hex size>[;chunk-signature=…]\r\n<bytes>\r\n`, a chunk of size 0, then
 * trailers (checksums that the sender knew only at the end), whose names come back in lower case.
 * @throws AwsError `IncompleteBody` when the framing breaks off
 */
export function decodeAwsChunked(framed: Uint8Array): { body: Uint8Array; trailers: Record<string, string> } {
  const bytes = Buffer.from(framed.buffer, framed.byteOffset, framed.byteLength)
  const chunks: Uint8Array[] = []
  let at = 0
  for (;;) {
    const lineEnd = bytes.indexOf(LINE_END, at)
    const sizeText = bytes.toString('latin1', at, Math.max(lineEnd, at)).replace(/;.*$/, '')
    if (!/^[0-9a-f]+$/i.test(sizeText)) throw incomplete()
    const sizeBytes = Number.parseInt(sizeText, 16)
    at = lineEnd + LINE_END.length
    if (sizeBytes === 0) return { body: Buffer.concat(chunks), trailers: readTrailers(bytes.toString('latin1', at)) }
    if (at + sizeBytes > bytes.length) throw incomplete()
    chunks.push(bytes.subarray(at, at + sizeBytes))
    at += sizeBytes + LINE_END.length
  }
}

function readTrailers(text: string): Record<string, string> {
  const lines = text.split('\r\n').filter((line) => line.includes(':'))
  return Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(':')
      return [line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()]
    }),
  )
}

const incomplete = (): AwsError =>
  new AwsError('IncompleteBody', 'You did not provide the number of bytes specified by the Content-Length HTTP header')
