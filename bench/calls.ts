/** Calls of a measurement: signed once by the SDK, sent over and over by another process (`load.ts`). */
import { EC2Client } from '@aws-sdk/client-ec2'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

import type { Account } from '../local/account.ts'
import type { Load, LoadResult } from './load.ts'

const CONNECTIONS = 8

/** Sends one call with the client that it is given. */
export type Send = (client: EC2Client) => Promise<unknown>

interface SignedCall {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
}

/** A call as the SDK would send it, signed by the account's administrator. */
export async function signed({ endpoint, region, credentials }: Account, send: Send): Promise<SignedCall> {
  const sent = Promise.withResolvers<SignedCall>()
  const requestHandler = {
    handle: (request: SignedCall): Promise<never> => {
      sent.resolve(request)
      return Promise.reject(new Error('captured'))
    },
  }
  await send(new EC2Client({ endpoint, region, credentials, requestHandler, maxAttempts: 1 })).catch(() => {})
  return sent.promise
}

function bytesOf({ method, path, headers, body = '' }: SignedCall): string {
  const all: Record<string, string> = { ...headers, 'content-length': String(Buffer.byteLength(body)) }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`)
  return Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${body}`).toString('base64')
}

/** Processor time of this process that some work takes, all its threads together. */
export async function cpuSecondsOf(work: () => unknown): Promise<number> {
  const before = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1_000_000
}

export interface Rate {
  readonly seconds: number
  readonly warmUpCalls: number
}

/** Prints how many of these calls the account answers: a second of wall time, and a second of its processor time. */
export async function measureRate(account: Account, name: string, rate: Rate, send: Send): Promise<void> {
  const request = bytesOf(await signed(account, send))
  const load = async (seconds: number, minAnswers: number): Promise<LoadResult> => {
    const argument: Load = { port: account.port, request, connections: CONNECTIONS, seconds, minAnswers }
    const script = new URL('load.ts', import.meta.url).pathname
    const { stdout } = await promisify(execFile)(process.execPath, [script, JSON.stringify(argument)])
    return JSON.parse(stdout) as LoadResult
  }
  await load(1, rate.warmUpCalls)
  let result: LoadResult | undefined
  const cpuSeconds = await cpuSecondsOf(async () => (result = await load(rate.seconds, 0)))
  if (!result) return
  const { answers, refusals, seconds, answerBytes } = result
  console.log(
    `${name}: ${Math.round(answers / seconds)} requests/s (${Math.round(answers / cpuSeconds)} per CPU second of the ` +
      `server), answer of ${answerBytes} bytes${refusals > 0 ? `, ${refusals} REFUSED` : ''}`,
  )
}
