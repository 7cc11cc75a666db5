/** What the account and a function's worker thread say to each other. Payloads travel as JSON text, as they do on AWS. */

export interface BootstrapSettings {
  /** The bundle, an absolute path. */
  readonly file: string
  readonly exportName: string
  /** As configured, e.g. `index.handler`: for messages. */
  readonly handler: string
  readonly functionArn: string
  readonly timeoutMs: number
}

export interface Invocation {
  readonly requestId: string
  readonly payload: string
  /** Virtual time at which the invocation begins. */
  readonly nowMs: number
}

/** What a failed invocation answers, in the shape of AWS's Node runtime. */
export interface FunctionError {
  readonly errorType: string
  readonly errorMessage: string
  readonly trace?: string[]
}

export type WorkerMessage =
  | { readonly kind: 'log'; readonly line: string }
  | { readonly kind: 'answer'; readonly payload: string }
  /** `fatal`: the worker must not be used again. */
  | { readonly kind: 'failure'; readonly error: FunctionError; readonly fatal: boolean }
