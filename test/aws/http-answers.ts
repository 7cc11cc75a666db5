import { createServer, type RequestListener } from 'node:http'

/** A server that answers every request as it is told: for what the SDK makes of an answer. */
export interface Answers {
  readonly endpoint: string
  close(): Promise<void>
}

export async function startAnswers(answer: RequestListener): Promise<Answers> {
  const server = createServer(answer)
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const address = server.address()
  return {
    endpoint: `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`,
    async close() {
      server.closeAllConnections()
      await new Promise((done) => server.close(done))
    },
  }
}
