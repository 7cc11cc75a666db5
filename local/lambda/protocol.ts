/** What the account and a function's worker thread say to each other. Payloads travel as JSON text, as they do on AWS. */
import type { ClientEnd } from '../wire/connections.ts'

export interface BootstrapSettings {
  /** The bundle, an absolute path. */
  readonly file: string
  readonly exportName: string
  /** As configured, e.g. `index.handler`: for messages. */
  readonly handler: string
  readonly functionArn: string
  readonly timeoutMs: number
  /** Of a WorkerTime. */
  readonly time: SharedArrayBuffer
}

export interface Invocation {
  readonly requestId: string
  readonly payload: string
  /** Virtual time at which the invocation begins. */
  readonly nowMs: number
  /** `_X_AMZN_TRACE_ID`. */
  readonly traceId: string
}

/** What a failed invocation answers, in the shape of AWS's Node runtime. */
export interface FunctionError {
  readonly errorType: string
  readonly errorMessage: string
  readonly trace?: string[]
}

export type ParentMessage =
  | { readonly kind: 'invoke'; readonly invocation: Invocation }
  /**
   * Fire the timers that are due, and say when there is nothing left to do but to wait. `calls`: calls to the account are
   * among what may be waited for, because one of them waits itself.
   */
  | { readonly kind: 'look'; readonly turn: number; readonly calls: boolean }

/** A worker whose event loop is empty, but for timers and calls to the account. */
export interface IdleReport {
  /** Of the last `look`; 0 before the first. */
  readonly turn: number
  /** Its connections to the account. */
  readonly connections: readonly ClientEnd[]
  /** Virtual time until its next timer is due; absent: it has none. */
  readonly nextInMs?: number
}

export type WorkerMessage =
  /** The bundle is there: what follows is the handler's own time. */
  | { readonly kind: 'loaded' }
  | { readonly kind: 'log'; readonly line: string }
  | { readonly kind: 'answer'; readonly payload: string }
  /** `fatal`: the worker must not be used again. */
  | { readonly kind: 'failure'; readonly error: FunctionError; readonly fatal: boolean }
  /** A connection to the account, by the worker's port. */
  | { readonly kind: 'connected'; readonly port: number }
  | ({ readonly kind: 'idle' } & IdleReport)
