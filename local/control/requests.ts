/** What the control endpoint takes. A member that is not known is refused, as is a value that could not be meant. */
import { z } from 'zod'
import type { CallEffect, EventEffect, Faults, Frequency, InvocationEffect } from '../faults.ts'

const YEAR_SECONDS = 366 * 86_400

const frequency = {
  times: z.int().min(1).optional(),
  probability: z.number().gt(0).max(1).optional(),
  seed: z.int().optional(),
}
const members = z.record(z.string(), z.unknown())
const loseAnswer = z.strictObject({ kind: z.literal('loseAnswer') })
const throttle = z.strictObject({ kind: z.literal('throttle') })
const duplicate = z.strictObject({ kind: z.literal('duplicate') })
const delay = z.strictObject({
  kind: z.literal('delay'),
  delayMs: z
    .int()
    .min(0)
    .max(YEAR_SECONDS * 1000),
})

const callEffect = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('fail'),
    code: z.string().min(1),
    message: z.string().exactOptional(),
    status: z.int().min(400).max(599).exactOptional(),
  }),
  throttle,
  loseAnswer,
  delay,
  duplicate,
]) satisfies z.ZodType<CallEffect>

const invocationEffect = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('fail'), error: z.string().min(1), message: z.string().exactOptional() }),
  throttle,
  loseAnswer,
  delay,
  duplicate,
]) satisfies z.ZodType<InvocationEffect>

const eventEffect = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('drop') }),
  z.strictObject({ kind: z.literal('reorder') }),
  delay,
  duplicate,
]) satisfies z.ZodType<EventEffect>

const callTarget = z.strictObject({
  service: z.string().exactOptional(),
  operation: z.string().exactOptional(),
  input: members.exactOptional(),
})
const invocationTarget = z.strictObject({ functionName: z.string().exactOptional(), payload: members.exactOptional() })
const eventTarget = z.strictObject({
  source: z.string().exactOptional(),
  detailType: z.string().exactOptional(),
  detail: members.exactOptional(),
})

const often = ({ times, probability, seed }: { [Name in keyof Frequency]?: number | undefined }): Frequency => ({
  ...(times === undefined ? {} : { times }),
  ...(probability === undefined ? {} : { probability }),
  ...(seed === undefined ? {} : { seed }),
})

/** A fault to plan: on what, its target, its effect, how often. */
export const plannedFault = z.discriminatedUnion('on', [
  z.strictObject({ on: z.literal('call'), target: callTarget.default({}), effect: callEffect, ...frequency }),
  z.strictObject({
    on: z.literal('invocation'),
    target: invocationTarget.default({}),
    effect: invocationEffect,
    ...frequency,
  }),
  z.strictObject({ on: z.literal('event'), target: eventTarget.default({}), effect: eventEffect, ...frequency }),
])

/** Returns the fault's id. */
export function plan(faults: Faults, order: z.infer<typeof plannedFault>): string {
  if (order.on === 'call') return faults.onCall(order.target, order.effect, often(order))
  if (order.on === 'invocation') return faults.onInvocation(order.target, order.effect, often(order))
  return faults.onEvent(order.target, order.effect, often(order))
}

export const clockChange = z
  .strictObject({
    advanceSeconds: z.number().gt(0).max(YEAR_SECONDS).optional(),
    factor: z.number().gt(0).max(100_000).optional(),
  })
  .refine((change) => Object.values(change).some((value) => value !== undefined), {
    error: 'Say advanceSeconds, or factor.',
  })

/** Which account and Region are meant; the home account in its Region unless told. */
const placed = {
  accountId: z
    .string()
    .regex(/^\d{12}$/)
    .optional(),
  region: z.string().optional(),
}

/** Without an instance it is the account's whole process that is killed. */
export const killing = z.strictObject({
  instanceId: z.string().optional(),
  cause: z.enum(['panic', 'host failure']).optional(),
  ...placed,
})

/** A trouble by name; the rest is what that trouble takes. */
export const troubleOrder = z.looseObject({ name: z.string(), ...placed })
