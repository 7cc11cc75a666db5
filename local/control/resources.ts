/** What the control endpoint has, and how it answers (`control.ts`). */
import type { IncomingMessage } from 'node:http'
import { prettifyError, ZodError } from 'zod'
import { AwsError } from '../wire/service.ts'
import type { ControlOptions } from './control.ts'
import { clockChange, killing, plan, plannedFault, troubleOrder } from './requests.ts'
import { TROUBLES } from './troubles.ts'

/** A request that is not understood, with the status of its answer. */
class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

interface Request {
  /** Behind the resource, e.g. the id of a fault; empty if there is nothing. */
  readonly rest: string
  readonly body: unknown
}

type Answer = (request: Request) => unknown
type Resource = Readonly<Partial<Record<'GET' | 'POST' | 'DELETE', Answer>>>

const PATH = /^\/_account(?:\/([a-z]+))?(?:\/([^/?]+))?(?:\?.*)?$/
const LOOPBACK = /^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/
const BODY_BYTES = 64 * 1024

type Resources = Readonly<Record<string, Resource>>

export const resourcesOf = (options: ControlOptions): Resources => ({
  faults: faultResource(options),
  clock: clockResource(options),
  throttling: { GET: () => ({ buckets: options.throttling.buckets() }) },
  troubles: troubleResource(options),
  kill: { POST: ({ body }) => kill(options, body) },
})

/** Status and body of the answer to a request. */
export async function answer(message: IncomingMessage, resources: Resources): Promise<[number, unknown]> {
  try {
    checkSender(message)
    const match = PATH.exec(message.url ?? '')
    if (!match) throw new Refusal(404, 'There is nothing here. GET /_account lists what there is.')
    const [, name, rest = ''] = match
    if (name === undefined) return [200, { resources: listed(resources) }]
    const resource = Object.hasOwn(resources, name) ? resources[name] : undefined
    if (!resource) throw new Refusal(404, `There is no ${name}. GET /_account lists what there is.`)
    const method = message.method ?? ''
    const handle = method === 'GET' || method === 'POST' || method === 'DELETE' ? resource[method] : undefined
    if (!handle) throw new Refusal(405, `${name} knows ${Object.keys(resource).join(', ')}, not ${method}.`)
    const body = method === 'POST' ? await readJson(message) : undefined
    return [200, await handle({ rest: decodeURIComponent(rest), body })]
  } catch (error) {
    return refused(error)
  }
}

function refused(error: unknown): [number, unknown] {
  if (error instanceof Refusal) return [error.status, { error: error.message }]
  if (error instanceof ZodError) return [400, { error: prettifyError(error) }]
  if (error instanceof AwsError) return [400, { error: `${error.code}: ${error.message}` }]
  return [400, { error: error instanceof Error ? error.message : String(error) }]
}

const listed = (resources: Resources): string[] =>
  Object.entries(resources).flatMap(([name, resource]) =>
    Object.keys(resource).map((method) => `${method} /_account/${name}`),
  )

function checkSender({ headers }: IncomingMessage): void {
  if (!LOOPBACK.test(headers.host ?? ''))
    throw new Refusal(403, `This endpoint answers for 127.0.0.1 and localhost, not for ${headers.host ?? 'no host'}.`)
  if (headers.origin !== undefined || headers['sec-fetch-site'] !== undefined)
    throw new Refusal(403, 'This endpoint does not answer pages of a browser.')
}

async function readJson(message: IncomingMessage): Promise<unknown> {
  if (!/^application\/json\b/.test(message.headers['content-type'] ?? ''))
    throw new Refusal(415, 'Send JSON: content-type: application/json.')
  const chunks: Uint8Array[] = []
  let sizeBytes = 0
  for await (const chunk of message as AsyncIterable<Uint8Array>) {
    sizeBytes += chunk.length
    if (sizeBytes > BODY_BYTES) throw new Refusal(413, `A body holds at most ${BODY_BYTES} bytes.`)
    chunks.push(chunk)
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString())
  } catch (cause) {
    throw new Refusal(400, `The body is no JSON: ${cause instanceof Error ? cause.message : String(cause)}`)
  }
}

function faultResource({ faults }: ControlOptions): Resource {
  return {
    GET: () => ({ planned: faults.planned, struck: faults.struck, unused: faults.unused }),
    POST: ({ body }) => ({ id: plan(faults, plannedFault.parse(body)) }),
    DELETE({ rest }) {
      if (rest === '') faults.clear()
      else if (!faults.remove(rest)) throw new Refusal(404, `There is no fault ${rest}.`)
      return {}
    },
  }
}

function clockResource({ clock }: ControlOptions): Resource {
  const shown = (): object => ({
    now: new Date(clock.now()).toISOString(),
    ...(clock.factor === undefined ? {} : { factor: clock.factor }),
  })
  return {
    GET: shown,
    async POST({ body }) {
      const { advanceSeconds, factor } = clockChange.parse(body)
      if (factor !== undefined && !clock.setFactor) throw new Refusal(409, 'This clock has no speed: it jumps.')
      if (factor !== undefined) clock.setFactor?.(factor)
      if (advanceSeconds !== undefined) await clock.advance(advanceSeconds * 1000)
      return shown()
    },
  }
}

function troubleResource({ place }: ControlOptions): Resource {
  return {
    GET: () => ({
      troubles: Object.entries(TROUBLES).map(([name, { describes, takes }]) => ({ name, takes, describes })),
    }),
    POST({ body }) {
      const { name, accountId, region, ...given } = troubleOrder.parse(body)
      const trouble = Object.hasOwn(TROUBLES, name) ? TROUBLES[name] : undefined
      if (!trouble) throw new Refusal(404, `There is no trouble ${name}. GET /_account/troubles lists what there is.`)
      trouble.cause(place(accountId, region).ec2, given)
      return {}
    },
  }
}

async function kill({ place, die }: ControlOptions, body: unknown): Promise<object> {
  const { instanceId, cause, accountId, region } = killing.parse(body)
  if (instanceId === undefined) {
    // When the answer has left.
    setImmediate(die)
    return {}
  }
  const { guests } = place(accountId, region)
  if (!guests.ofInstance(instanceId)) throw new Refusal(404, `No guest of ${instanceId} runs.`)
  await guests.kill(instanceId, cause)
  return {}
}
